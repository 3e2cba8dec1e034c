"""A plain LoRA as peft, vLLM, llama.cpp and others read it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from qcompile.artifact.peft_folder import PREFIX, write_folder

if TYPE_CHECKING:
    import torch


def write_lora_folder(
    path: str | Path, factors: Mapping[str, tuple[torch.Tensor, torch.Tensor]]
) -> None:
    """Write adapter_config.json and adapter_model.safetensors; the scaling is one.

    Args:
        path: The folder.
        factors: Module → A (r, in_features), B (out_features, r).

    Raises:
        UsageError: QA0013, QA0014.
    """
    ranks = {module: a.shape[0] for module, (a, _) in factors.items()}
    highest = max(ranks.values())
    others = {module: rank for module, rank in ranks.items() if rank != highest}
    config = {
        "peft_type": "LORA",
        "r": highest,
        "lora_alpha": highest,
        "rank_pattern": others,
        "alpha_pattern": others,
        "target_modules": sorted(factors),
        "lora_dropout": 0.0,
        "bias": "none",
        "inference_mode": True,
    }
    tensors = {}
    for module, (a, b) in factors.items():
        tensors[f"{PREFIX}{module}.lora_A.weight"] = a
        tensors[f"{PREFIX}{module}.lora_B.weight"] = b
    write_folder(path, config, tensors)
