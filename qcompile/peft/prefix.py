"""The prefixes of peft's adapters in one attention module."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from qcompile.adapter.calls import Calls
from qcompile.adapter.prefixed import PrefixHolder, forward_parameters, hold, release
from qcompile.artifact.peft_folder import ATTENTION
from qcompile.peft.parts import PartsHolder, SharedTensors


class QCompilePrefix(PrefixHolder, PartsHolder):
    """Stands in the attention module, which stays where it is, as `qcompile.attach` does it."""

    def __init__(self, attention: nn.Module, site: str, shared: SharedTensors) -> None:
        PartsHolder.__init__(self, site, shared)
        self.names = forward_parameters(attention)
        self.calls = Calls()
        first = next(attention.parameters(), None)
        self._device = None if first is None else first.device

    @classmethod
    def of(cls, attention: nn.Module, site: str, shared: SharedTensors) -> QCompilePrefix:
        """What stands in the attention module already, or a new one that stands there now."""
        found = attention._modules.get(ATTENTION)
        if isinstance(found, QCompilePrefix):
            return found
        holder = cls(attention, site, shared)
        hold(attention, holder)
        return holder

    def forward(self) -> tuple[torch.Tensor, torch.Tensor] | None:
        with self.trained_as_then():
            return self.pair(self.parts(self.standing_adapters()))

    def obstacles(self, adapter_names: Iterable[str]) -> list[tuple[str, str]]:
        return [
            (p.plan.adapter, "a prefix is no change of a weight") for p in self.parts(adapter_names)
        ]

    def supports_lora_conversion(self, adapter_name: str = "default") -> bool:
        return False

    def _place(self) -> torch.device | None:
        return self._device


def release_all(model: nn.Module) -> None:
    """Take the prefixes of peft's adapters out of a model."""
    for module in list(model.modules()):
        if isinstance(module._modules.get(ATTENTION), QCompilePrefix):
            release(module)
