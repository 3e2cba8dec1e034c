"""An adapter inside peft as plain LoRA."""

from __future__ import annotations

from torch import nn

from qcompile.adapter.lora import PlainLora, lora_of_parts
from qcompile.adapter.samples import Samples
from qcompile.diagnostics.arguments import check_type
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.adapter import NothingAttached
from qcompile.peft.parts import PartsHolder


def to_lora(
    model: nn.Module,
    rank: int | float | None = None,
    adapter_name: str = "default",
    *,
    error: float | None = None,
    samples: Samples | None = None,
) -> PlainLora:
    """The best approximation by LoRA, with what each module keeps and how far it is off.

    Args:
        model: What `get_peft_model` returned; not changed.
        rank: A rank, or the share of the energy to keep, up to 1.0; 8 without `error`.
        adapter_name: peft's name of the adapter.
        error: Each module takes the smallest rank with ‖ΔW − B A‖ / ‖ΔW‖ at most this.
        samples: Inputs for which the error of the outputs is measured.

    Raises:
        AdapterError: QA6005 where the model has no such adapter; QA6006, QA6205, QA6221, QA6222.
        UsageError: QA6013.
    """
    check_type("to_lora", "model", model, nn.Module, "a model that `get_peft_model` returned")
    parts = {
        layer.site: layer.parts([adapter_name])
        for layer in model.modules()
        if isinstance(layer, PartsHolder) and adapter_name in layer.qcompile_core
    }
    if not parts:
        raise AdapterError(NothingAttached())
    config = getattr(model, "peft_config", {}).get(adapter_name)
    return lora_of_parts(
        parts,
        rank,
        error=error,
        samples=samples,
        base_model=getattr(config, "base_model_name_or_path", None),
        task_type=getattr(config, "task_type", None),
    )
