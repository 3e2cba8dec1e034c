"""A frozen linear map with adapters beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import nn

from qcompile.adapter.calls import Calls
from qcompile.adapter.switch import FixedSwitch, Switch
from qcompile.backends.simulator.module import AdapterModule


class AdapterParts(nn.Module):
    """The parts of one module by the names of their adapters, whatever those are."""

    def requires_grad_(self, requires_grad: bool = True) -> AdapterParts:
        """As nn.Module; frozen tensors stay without gradients."""
        for part in self.children():
            part.requires_grad_(requires_grad)
        return self


class AdaptedModule(nn.Module):
    """`base_layer` and the adapters that add to, or replace, its output.

    Stands in for the base layer: `weight`, `bias`, `in_features` and `out_features` are its own.
    """

    _tied_weights_keys: ClassVar[dict[str, str]] = {"base_layer.weight": "base_layer.weight"}
    """transformers looks for it when it saves a model: a head may be tied to the embeddings."""

    def __init__(self, base_layer: nn.Module, switch: Switch) -> None:
        """`switch` is the model's."""
        super().__init__()
        self.base_layer = base_layer
        self.adapters = AdapterParts()
        self.switch: Switch | FixedSwitch = switch
        self.calls = Calls()
        self.train(base_layer.training)

    @property
    def weight(self) -> torch.Tensor:
        weight = self.base_layer.weight
        assert isinstance(weight, torch.Tensor)
        return weight

    @property
    def bias(self) -> Any:
        return self.base_layer.bias

    @property
    def in_features(self) -> Any:
        return self.base_layer.in_features

    @property
    def out_features(self) -> Any:
        return self.base_layer.out_features

    def register_parameter(self, name: str, param: nn.Parameter | None) -> None:
        """As nn.Module; `weight` and `bias` are the base layer's, so that heads can be tied."""
        if name in ("weight", "bias"):
            self.base_layer.register_parameter(name, param)
        else:
            super().register_parameter(name, param)

    def parts(self) -> dict[str, AdapterModule]:
        """The parts by the names of their adapters, in the order of attachment."""
        found = self.adapters._modules.items()
        return {name: part for name, part in found if isinstance(part, AdapterModule)}

    def put(self, name: str, part: AdapterModule) -> None:
        """Add a part."""
        # ModuleDict and register_module refuse names such as `train`.
        self.adapters._modules[name] = part

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """The base layer's output, or the sum of the replacements, plus the updates.

        Adapters that read `y` see what the base layer gives, whatever other adapters do. The dtype
        is the base layer's; where that is not run, the input's.
        """
        self.calls.note()
        parts = tuple(self.parts().values()) if self.switch.on else ()
        base: torch.Tensor | None = None
        if runs_base(parts):
            base = self.base_layer(x, *args, **kwargs)
        return combined(parts, x, base, self.base_layer)

    def _replicate_for_data_parallel(self) -> Any:
        replica: Any = super()._replicate_for_data_parallel()  # type: ignore[no-untyped-call]
        replica.switch = self.switch.here()
        return replica


def runs_base(parts: Sequence[AdapterModule]) -> bool:
    """Whether the base layer's output is added to, or read by a part."""
    adds = all(part.plan.mode == "add" for part in parts)
    return adds or any(part.plan.uses_output for part in parts)


def combined(
    parts: Sequence[AdapterModule],
    x: torch.Tensor,
    base: torch.Tensor | None,
    module: torch.nn.Module,
) -> torch.Tensor:
    """The output of a module with `parts`; `base` is what the frozen `module` gives for x."""
    adds = all(part.plan.mode == "add" for part in parts)
    output = base if adds else None
    dtype = x.dtype if base is None else base.dtype
    for part in parts:
        value = part(x, base, module).to(dtype)
        output = value if output is None else output + value
    assert output is not None
    return output
