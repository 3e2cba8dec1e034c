"""The torch of elementwise sums and products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add, mul, truediv

from torch import Tensor

from qcompile.backends.simulator.steps import NodeFunctions
from qcompile.ir.ops.arithmetic import (
    AddNode,
    DivideNode,
    MultiplyNode,
    PowerNode,
    ScaleNode,
    ShiftNode,
)


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


@dataclass(frozen=True)
class Power:
    """a^exponent."""

    exponent: float

    def __call__(self, value: Tensor) -> Tensor:
        return value**self.exponent


FUNCTIONS: NodeFunctions = {
    DivideNode: lambda *_: truediv,
    AddNode: lambda node, _: Reduce(add, node.width),
    MultiplyNode: lambda node, _: Reduce(mul, node.width),
    PowerNode: lambda node, _: Power(node.exponent),
    ScaleNode: lambda node, _: ScaleShift(factor=node.factor),
    ShiftNode: lambda node, _: ScaleShift(offset=node.offset),
}
