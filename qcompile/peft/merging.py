"""Merging the parts of peft's adapters into the weight of a module, and taking them out again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from peft.tuners.tuners_utils import check_adapters_to_merge

from qcompile.adapter.merge_obstacles import merge_obstacle, not_finite
from qcompile.adapter.merged import changes_bias, merged
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.adapter import NotMergeable
from qcompile.models.weights import as_matrix, as_stored
from qcompile.peft.parts import PartsHolder, SharedTensors


class MergingHolder(PartsHolder):
    """The parts at a module with a weight."""

    def __init__(self, site: str, shared: SharedTensors) -> None:
        super().__init__(site, shared)
        self._before_merge: tuple[torch.Tensor, torch.Tensor | None] | None = None

    def get_delta_weight(self, adapter_name: str) -> torch.Tensor:
        """The update in the layout of the base weight, float32; peft asks for it by this name.

        Raises:
            AdapterError: QA6006.
        """
        base: Any = self.get_base_layer()
        weight, _ = self._base_tensors()
        own = as_matrix(base, weight.detach())
        parts = self.parts([adapter_name])
        updates = [
            part.merge_weight(own if part.plan.reads_module else None).to(own.device)
            for part in parts
        ]
        total = torch.stack(updates).sum(0)
        return as_stored(base, total).float()

    def supports_lora_conversion(self, adapter_name: str = "default") -> bool:
        parts = self.parts([adapter_name])
        return bool(parts) and all(
            part.plan.linear and part.plan.mode == "add" and not part.plan.reads_module
            for part in parts
        )

    def obstacles(self, adapter_names: Iterable[str]) -> list[tuple[str, str]]:
        """(adapter of the spec, why it cannot be merged here)."""
        base: Any = self.get_base_layer()
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
        base: Any = self.get_base_layer()
        matrix, shift = merged(parts, base, weight, bias)
        matrix = matrix.to(weight.dtype)
        reason = not_finite(weight, matrix)
        if reason is not None:
            adapter = parts[-1].plan.adapter
            raise AdapterError(NotMergeable(adapter=adapter, module=self.site, reason=reason))
        if self._before_merge is None:
            kept = None if bias is None else bias.detach().clone()
            self._before_merge = weight.detach().clone(), kept
        with torch.no_grad():
            base.weight.copy_(matrix)
            if shift is not None and changes_bias(parts):
                base.bias.copy_(shift)
        self.merged_adapters.extend(names)

    def _base_tensors(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Weight and bias without what is merged into them."""
        if self._before_merge is not None:
            return self._before_merge
        base: Any = self.get_base_layer()
        return base.weight, getattr(base, "bias", None)

    def unmerge(self) -> None:
        """The base weight, bit for bit as it was before the first merge."""
        if self._before_merge is not None:
            weight, bias = self._before_merge
            base: Any = self.get_base_layer()
            with torch.no_grad():
                base.weight.copy_(weight)
                if bias is not None:
                    base.bias.copy_(bias)
        self._before_merge = None
        self.merged_adapters.clear()
