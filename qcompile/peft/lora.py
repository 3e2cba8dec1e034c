"""An adapter inside peft as plain LoRA."""

from __future__ import annotations

from torch import nn

from qcompile.adapter.lora import PlainLora, lora_of_parts
from qcompile.diagnostics.arguments import check_type
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.adapter import NothingAttached
from qcompile.peft.parts import PartsHolder


def to_lora(model: nn.Module, rank: int | float, adapter_name: str = "default") -> PlainLora:
    """The best approximation by LoRA, with the energy that each module keeps.

    Args:
        model: What `get_peft_model` returned; not changed.
        rank: A rank, or the share of the energy to keep, up to 1.0.
        adapter_name: peft's name of the adapter.

    Raises:
        AdapterError: QA6005 where the model has no such adapter; QA6006, QA6205.
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
    return lora_of_parts(parts, rank)
