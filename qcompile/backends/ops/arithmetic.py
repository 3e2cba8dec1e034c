"""The torch of elementwise sums and products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add, mul

from torch import Tensor

from qcompile.backends.simulator.steps import NodeFunctions, StepContext
from qcompile.ir.ops.arithmetic import AddNode, MultiplyNode, ScaleNode, ShiftNode


@dataclass(frozen=True)
class Reduce:
    """Sum or product of several values; a width of 1 broadcasts."""

    operator: Callable[[Tensor, Tensor], Tensor]
    width: int

    def __call__(self, *values: Tensor) -> Tensor:
        result = reduce(self.operator, values)
        if result.shape[-1] == self.width:
            return result
        return result.expand(*result.shape[:-1], self.width)


@dataclass(frozen=True)
class ScaleShift:
    """factor · a + offset."""

    factor: float = 1.0
    offset: float = 0.0

    def __call__(self, value: Tensor) -> Tensor:
        if self.factor != 1.0:
            value = self.factor * value
        return value + self.offset if self.offset else value


def sum_of(node: AddNode, around: StepContext) -> Reduce:
    return Reduce(add, node.width)


def product_of(node: MultiplyNode, around: StepContext) -> Reduce:
    return Reduce(mul, node.width)


def scaled(node: ScaleNode, around: StepContext) -> ScaleShift:
    return ScaleShift(factor=node.factor)


def shifted(node: ShiftNode, around: StepContext) -> ScaleShift:
    return ScaleShift(offset=node.offset)


FUNCTIONS: NodeFunctions = {
    AddNode: sum_of,
    MultiplyNode: product_of,
    ScaleNode: scaled,
    ShiftNode: shifted,
}
