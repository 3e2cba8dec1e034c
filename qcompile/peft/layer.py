"""A linear map with the parts of peft's adapters beside it."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from qcompile.adapter.adapted import combined, mixed, runs_base
from qcompile.adapter.calls import Calls
from qcompile.adapter.rows import rows_of
from qcompile.peft.merging import MergingHolder
from qcompile.peft.parts import SharedTensors


class QCompileLayer(MergingHolder):
    """`base_layer` and, for each adapter of peft, the parts that the spec puts here.

    Parameters keep their own dtype, whatever that of the base layer is: an adapter computes in
    float32, or in float64 where its target says so, and its output takes the base's dtype.
    """

    def __init__(self, base_layer: nn.Module, site: str, shared: SharedTensors) -> None:
        super().__init__(site, shared)
        self.base_layer = base_layer
        self.calls = Calls()

    @property
    def in_features(self) -> Any:
        return self.get_base_layer().in_features

    @property
    def out_features(self) -> Any:
        return self.get_base_layer().out_features

    def register_parameter(self, name: str, param: nn.Parameter | None) -> None:
        """As nn.Module; `weight` and `bias` are the base layer's, so that heads can be tied."""
        if name in ("weight", "bias"):
            self.get_base_layer().register_parameter(name, param)
        else:
            super().register_parameter(name, param)

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """As of `qcompile.attach`: the base's output plus the updates, or the replacements."""
        names = kwargs.pop("adapter_names", None)
        self.calls.note()
        if names is not None:
            plain: torch.Tensor = self.base_layer(x, *args, **kwargs)
            return mixed(
                lambda name: self.parts([name]), rows_of(names, x), x, plain, self.base_layer
            )
        if self._disable_adapters and self.merged:
            self.unmerge()
        active = self.standing_adapters()
        if not active or self.merged:
            output: torch.Tensor = self.base_layer(x, *args, **kwargs)
            return output
        parts = self.parts(active)
        base: torch.Tensor | None = None
        if runs_base(parts):
            base = self.base_layer(x, *args, **kwargs)
        with self.trained_as_then():
            return combined(parts, x, base, self.base_layer)

    def _place(self) -> torch.device | None:
        weight = getattr(self.get_base_layer(), "weight", None)
        return None if weight is None else weight.device
