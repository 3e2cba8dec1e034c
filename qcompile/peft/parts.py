"""What holds the parts of peft's adapters at one module."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

from qcompile.adapter.named import AdapterParts
from qcompile.adapter.recomputation import same_in_recomputation
from qcompile.backends.simulator.module import AdapterModule


class SharedTensors:
    """The tensors that modules share, by peft's adapter and the key of the spec."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], tuple[AdapterModule, str]] = {}

    def tie(self, adapter_name: str, part: AdapterModule) -> None:
        """Let the shared tensors of a part be those of the first part that has them."""
        for tensor in part.plan.tensors:
            if tensor.share is not None:
                first, name = self._first.setdefault(
                    (adapter_name, tensor.share), (part, tensor.name)
                )
                path, _, last = tensor.name.rpartition(".")
                part.get_submodule(path)._parameters[last] = first.get_parameter(name)

    def forget(self, adapter_name: str) -> None:
        """Drop an adapter."""
        for key in [key for key in self._first if key[0] == adapter_name]:
            del self._first[key]


class PartsHolder(nn.Module, BaseTunerLayer):  # type: ignore[misc, unused-ignore]
    """For each adapter of peft, the parts that the spec puts at one module of the base."""

    adapter_layer_names = ("qcompile_core",)
    other_param_names = ()

    def __init__(self, site: str, shared: SharedTensors) -> None:
        super().__init__()
        self.site = site
        self.qcompile_core = nn.ModuleDict()
        self.merged_adapters: list[str] = []
        self._disable_adapters = False
        self.shared = shared

    def put(self, adapter_name: str, parts: Iterable[AdapterModule]) -> None:
        """Add the parts of an adapter."""
        core = AdapterParts()
        for part in parts:
            # register_module refuses names such as `train`.
            core._modules[part.plan.adapter] = part
        core.train(self.training)
        self.qcompile_core[adapter_name] = core
        self._move_adapter_to_device_of_base_layer(adapter_name)

    def parts(self, adapter_names: Iterable[str]) -> list[AdapterModule]:
        """The parts of some adapters, in the order of the names; once where a name comes twice."""
        return [
            part
            for name in dict.fromkeys(adapter_names)
            if name in self.qcompile_core
            for part in self.qcompile_core[name]._modules.values()
            if isinstance(part, AdapterModule)
        ]

    def _freeze_non_trainable_peft_weights(
        self, adapter_names: str | Iterable[str] | None = None
    ) -> None:
        """What peft calls whenever it has turned on the gradients of all parameters."""
        if adapter_names is None:
            adapter_names = tuple(self.qcompile_core)
        for part in self.parts(
            [adapter_names] if isinstance(adapter_names, str) else adapter_names
        ):
            for tensor in part.plan.tensors:
                if tensor.frozen:
                    part.get_parameter(tensor.name).requires_grad_(False)

    def standing_adapters(self) -> tuple[str, ...]:
        """Names of the adapters that are in use; in a recomputation, of those that were then."""
        names = () if self._disable_adapters else tuple(self.active_adapters)
        return same_in_recomputation(names)

    def trained_as_then(self) -> AbstractContextManager[None]:
        """Inside, a recomputation has the gradient flags of its forward pass.

        peft freezes every adapter but the active ones, and a region with less to train saves fewer
        tensors than torch expects of it.
        """
        now = [
            (parameter, parameter.requires_grad)
            for parts in self.qcompile_core.values()
            for parameter in parts.parameters()
        ]
        changed = [(p, flag) for p, flag in same_in_recomputation(now) if p.requires_grad != flag]
        return _flagged(changed) if changed else nullcontext()

    def obstacles(self, adapter_names: Iterable[str]) -> list[tuple[str, str]]:
        """(adapter of the spec, why it cannot be merged here)."""
        raise NotImplementedError

    def _place(self) -> torch.device | None:
        """Where the base module's tensors are; None where that is not known."""
        raise NotImplementedError

    def delete_adapter(self, adapter_name: str) -> None:
        self.shared.forget(adapter_name)
        super().delete_adapter(adapter_name)

    def _move_adapter_to_device_of_base_layer(
        self, adapter_name: str, device: torch.device | None = None
    ) -> None:
        """Device only: the base's dtype would round the initial tensors."""
        place = self._place() if device is None else device
        for part in self.parts([adapter_name]):
            if place is not None and place.type != "meta":
                if all(p.device.type != "meta" for p in part.parameters()):
                    part.to(place)
            # Loading with `assign` has put tensors of its own into each module.
            self.shared.tie(adapter_name, part)

    def extra_repr(self) -> str:
        return self.site


@contextmanager
def _flagged(flags: list[tuple[nn.Parameter, bool]]) -> Iterator[None]:
    before = [(parameter, parameter.requires_grad) for parameter, _ in flags]
    try:
        for parameter, flag in flags:
            parameter.requires_grad_(flag)
        yield
    finally:
        for parameter, flag in before:
            parameter.requires_grad_(flag)
