"""A linear map with the parts of peft's adapters beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from peft.tuners.tuners_utils import check_adapters_to_merge
from torch import nn

from qcompile.adapter.adapted import combined, mixed, runs_base
from qcompile.adapter.calls import Calls
from qcompile.adapter.merge_obstacles import merge_obstacle, not_finite
from qcompile.adapter.merged import changes_bias, is_transposed, merged
from qcompile.adapter.rows import rows_of
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.adapter import NotMergeable
from qcompile.peft.parts import PartsHolder, SharedTensors


class QCompileLayer(PartsHolder):
    """`base_layer` and, for each adapter of peft, the parts that the spec puts here.

    Parameters keep their own dtype, whatever that of the base layer is: an adapter computes in
    float32, or in float64 where its target says so, and its output takes the base's dtype.
    """

    def __init__(self, base_layer: nn.Module, site: str, shared: SharedTensors) -> None:
        super().__init__(site, shared)
        self.base_layer = base_layer
        self.calls = Calls()
        self._before_merge: tuple[torch.Tensor, torch.Tensor | None] | None = None

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

    def get_delta_weight(self, adapter_name: str) -> torch.Tensor:
        """The update in the layout of the base weight, float32; peft asks for it by this name.

        Raises:
            AdapterError: QA6006.
        """
        weight, _ = self._base_tensors()
        own = weight.detach().T if self._is_transposed() else weight.detach()
        parts = self.parts([adapter_name])
        updates = [
            part.merge_weight(own if part.plan.reads_module else None).to(own.device)
            for part in parts
        ]
        total = torch.stack(updates).sum(0)
        return (total.T if self._is_transposed() else total).float()

    def supports_lora_conversion(self, adapter_name: str = "default") -> bool:
        parts = self.parts([adapter_name])
        return bool(parts) and all(
            part.plan.linear and part.plan.mode == "add" and not part.plan.reads_module
            for part in parts
        )

    def obstacles(self, adapter_names: Iterable[str]) -> list[tuple[str, str]]:
        """(adapter of the spec, why it cannot be merged here)."""
        base = self.get_base_layer()
        return [
            (part.plan.adapter, reason)
            for part in self.parts(adapter_names)
            if (reason := merge_obstacle(part, base)) is not None
        ]

    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Add the updates to the base weight; weight and bias as they were are kept for `unmerge`.

        Updates are computed in float64, together with those that are merged already, and rounded
        once. Whether the merged weight is finite is looked at with or without `safe_merge`.

        Raises:
            AdapterError: QA6006; the weight is unchanged.
        """
        wanted = dict.fromkeys(check_adapters_to_merge(self, adapter_names))
        names = [name for name in wanted if name in self.qcompile_core]
        if not self.parts(names):
            return
        problems = [
            NotMergeable(adapter=adapter, module=self.site, reason=reason)
            for adapter, reason in self.obstacles(names)
        ]
        if problems:
            raise AdapterError(*problems)
        parts = self.parts([*self.merged_adapters, *names])
        weight, bias = self._base_tensors()
        transposed = self._is_transposed()
        matrix, shift = merged(parts, weight.T if transposed else weight, bias)
        matrix = (matrix.T if transposed else matrix).to(weight.dtype)
        reason = not_finite(weight, matrix)
        if reason is not None:
            adapter = parts[-1].plan.adapter
            raise AdapterError(NotMergeable(adapter=adapter, module=self.site, reason=reason))
        if self._before_merge is None:
            kept = None if bias is None else bias.detach().clone()
            self._before_merge = weight.detach().clone(), kept
        with torch.no_grad():
            self.weight.copy_(matrix)
            if shift is not None and changes_bias(parts):
                self.bias.copy_(shift)
        self.merged_adapters.extend(names)

    def _base_tensors(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Weight and bias without what is merged into them."""
        if self._before_merge is not None:
            return self._before_merge
        return self.weight, getattr(self.get_base_layer(), "bias", None)

    def unmerge(self) -> None:
        """The base weight, bit for bit as it was before the first merge."""
        if self._before_merge is not None:
            weight, bias = self._before_merge
            with torch.no_grad():
                self.weight.copy_(weight)
                if bias is not None:
                    self.bias.copy_(bias)
        self._before_merge = None
        self.merged_adapters.clear()

    def _is_transposed(self) -> bool:
        return is_transposed(self.get_base_layer())

    def _place(self) -> torch.device | None:
        weight = getattr(self.get_base_layer(), "weight", None)
        return None if weight is None else weight.device
