"""The parts of peft's adapters at a module that is no linear map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from qcompile.adapter.adapted import combined
from qcompile.adapter.beside import BesideHolder, put_beside, take_from_beside
from qcompile.adapter.calls import Calls
from qcompile.adapter.prefixed import forward_parameters
from qcompile.artifact.peft_folder import BESIDE
from qcompile.peft.parts import PartsHolder, SharedTensors


class QCompileBeside(BesideHolder, PartsHolder):
    """Stands in the module, which stays where it is, as `qcompile.attach` does it."""

    def __init__(self, module: nn.Module, site: str, shared: SharedTensors) -> None:
        PartsHolder.__init__(self, site, shared)
        self.names = forward_parameters(module)
        self.calls = Calls()
        first = next(module.parameters(), None)
        self._device = None if first is None else first.device

    @classmethod
    def of(cls, module: nn.Module, site: str, shared: SharedTensors) -> QCompileBeside:
        """What stands in the module already, or a new one that stands there now."""
        found = module._modules.get(BESIDE)
        if isinstance(found, QCompileBeside):
            return found
        holder = cls(module, site, shared)
        put_beside(module, holder)
        return holder

    def forward(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any
    ) -> Any:
        self.calls.note()
        parts = self.parts(self.standing_adapters())
        if not parts:
            return output
        with self.trained_as_then():
            return self.changed(
                parts, args, kwargs, output, lambda x, y: combined(parts, x, y, module)
            )

    def obstacles(self, adapter_names: Iterable[str]) -> list[tuple[str, str]]:
        reason = "peft merges into linear maps alone"
        return [(part.plan.adapter, reason) for part in self.parts(adapter_names)]

    def supports_lora_conversion(self, adapter_name: str = "default") -> bool:
        return False

    def _place(self) -> torch.device | None:
        return self._device


def take_all_from_beside(model: nn.Module) -> None:
    """Take the parts of peft's adapters out of modules that are no linear maps."""
    for module in list(model.modules()):
        if isinstance(module._modules.get(BESIDE), QCompileBeside):
            take_from_beside(module)
