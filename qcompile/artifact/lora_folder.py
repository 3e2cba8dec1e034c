"""A plain LoRA as peft, vLLM, llama.cpp and others read it."""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from qcompile.artifact.peft_folder import PREFIX, write_folder

if TYPE_CHECKING:
    import torch


def write_lora_folder(
    path: str | Path,
    factors: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
    *,
    embeddings: Container[str] = (),
    base_model: str | None = None,
    task_type: str | None = None,
) -> None:
    """Write adapter_config.json and adapter_model.safetensors; the scaling is one.

    peft scales each module by alpha_pattern / rank_pattern, vLLM all of them by lora_alpha / r,
    llama.cpp each by lora_alpha / (rank of its tensors). They agree where all ranks are r, so
    smaller factors are filled with zeros.

    Args:
        path: The folder.
        factors: Module → A (r, in_features), B (out_features, r).
        embeddings: Those modules that are embeddings, for which peft has names of their own.
        base_model: Name or path of the model for which the adapter is.
        task_type: peft's name of the task.

    Raises:
        UsageError: QA0013, QA0014.
    """
    from torch.nn.functional import pad

    rank = max(a.shape[0] for a, _ in factors.values())
    config = {
        "peft_type": "LORA",
        "base_model_name_or_path": base_model,
        "task_type": task_type,
        "r": rank,
        "lora_alpha": rank,
        "target_modules": sorted(factors),
        "lora_dropout": 0.0,
        "bias": "none",
        "inference_mode": True,
    }
    tensors = {}
    for module, (a, b) in factors.items():
        missing = rank - a.shape[0]
        a, b = pad(a, (0, 0, 0, missing)), pad(b, (0, missing))
        for letter, factor in (("A", a), ("B", b)):
            own = f"lora_embedding_{letter}" if module in embeddings else f"lora_{letter}.weight"
            tensors[f"{PREFIX}{module}.{own}"] = factor
    write_folder(path, config, tensors)
