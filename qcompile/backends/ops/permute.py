"""The torch of permutations by axes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from qcompile.backends.simulator.steps import NodeFunctions
from qcompile.ir.ops.permute import PermuteNode


@dataclass(frozen=True)
class Permute:
    """(…, ∏ modes) → the same shape."""

    modes: tuple[int, ...]
    axes: tuple[int, ...]

    def __call__(self, value: Tensor) -> Tensor:
        batch = value.dim() - 1
        order = (*range(batch), *(batch + axis for axis in self.axes))
        return value.reshape(*value.shape[:-1], *self.modes).permute(order).reshape(value.shape)


FUNCTIONS: NodeFunctions = {PermuteNode: lambda node, _: Permute(node.modes, node.axes)}
