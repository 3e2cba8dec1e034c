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
from qcompile.ir.hosts import MERGING_HOSTS, NORM_HOST
from qcompile.peft.merging import MergingHolder
from qcompile.peft.parts import SharedTensors


class QCompileBeside(BesideHolder, MergingHolder):
    """Stands in the module, which stays where it is, as `qcompile.attach` does it."""

    def __init__(self, module: nn.Module, site: str, shared: SharedTensors) -> None:
        MergingHolder.__init__(self, site, shared)
        # In a tuple, so that the module above is no child.
        self._module = (module,)
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
        if not parts or self.merged:
            return output
        with self.trained_as_then():
            return self.changed(
                module, parts, args, kwargs, output, lambda x, y: combined(parts, x, y, module)
            )

    def get_base_layer(self) -> nn.Module:
        return self._module[0]

    def enable_adapters(self, enabled: bool) -> None:
        """As peft does it; what is merged is taken out at once, before the module runs again."""
        super().enable_adapters(enabled)
        if not enabled and self.merged:
            self.unmerge()

    def obstacles(self, adapter_names: Iterable[str]) -> list[tuple[str, str]]:
        names = tuple(adapter_names)
        reason = "peft merges into linear maps, embeddings, convolutions and norms alone"
        found = [
            (part.plan.adapter, reason)
            for part in self.parts(names)
            if part.plan.host not in (*MERGING_HOSTS, NORM_HOST)
        ]
        return found or super().obstacles(names)

    def supports_lora_conversion(self, adapter_name: str = "default") -> bool:
        return False

    def _place(self) -> torch.device | None:
        return self._device


def take_all_from_beside(model: nn.Module) -> None:
    """Take the parts of peft's adapters out of modules that are no linear maps."""
    for module in list(model.modules()):
        if isinstance(module._modules.get(BESIDE), QCompileBeside):
            take_from_beside(module)
