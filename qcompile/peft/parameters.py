"""The parts of peft's adapters at parameters: of experts, all in one, and of routers."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack

import torch
from torch import nn

from qcompile.adapter.parameters import (
    held_at,
    parameters_of,
    take_from_parameters,
)
from qcompile.backends.simulator.module import AdapterModule
from qcompile.ir.hosts import target_name
from qcompile.peft.parts import PartsHolder, SharedTensors


class QCompileTarget(PartsHolder):
    """Stands below the module, which stays where it is, as `qcompile.attach` does it."""

    def __init__(
        self,
        weight: nn.Parameter,
        parameter: str,
        expert: int | None,
        site: str,
        shared: SharedTensors,
    ) -> None:
        super().__init__(site, shared)
        self.parameter, self.expert = parameter, expert
        self._device = weight.device

    @classmethod
    def of(
        cls,
        module: nn.Module,
        parameter: str,
        expert: int | None,
        site: str,
        shared: SharedTensors,
    ) -> QCompileTarget:
        """What stands at the parameter already, or a new one that stands there now."""
        return held_at(
            module,
            target_name(parameter, expert),
            cls,
            lambda: cls(module.get_parameter(parameter), parameter, expert, site, shared),
        )

    def changing(self, stack: ExitStack) -> list[tuple[AdapterModule, float]]:
        """See `qcompile.adapter.parameters.TargetParts`."""
        parts = self.parts(self.standing_adapters())
        if parts:
            stack.enter_context(self.trained_as_then())
        return [(part, 1.0) for part in parts]

    def obstacles(self, adapter_names: Iterable[str]) -> list[tuple[str, str]]:
        reason = "peft merges into linear maps alone; `qcompile.merge` merges into parameters"
        return [(part.plan.adapter, reason) for part in self.parts(adapter_names)]

    def supports_lora_conversion(self, adapter_name: str = "default") -> bool:
        return False

    def _place(self) -> torch.device | None:
        return self._device


def has_targets(module: nn.Module) -> bool:
    """Whether parts of peft's adapters are at parameters of a module."""
    holder = parameters_of(module)
    return holder is not None and any(isinstance(it, QCompileTarget) for it in holder.children())


def take_all_from_parameters(model: nn.Module) -> None:
    """Take the parts of peft's adapters out of modules with parameters that they change."""
    for module in list(model.modules()):
        if has_targets(module):
            take_from_parameters(module)
