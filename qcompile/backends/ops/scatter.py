"""The torch of values at drawn places."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from qcompile.backends.simulator.steps import NodeFunctions, StepContext
from qcompile.executors.constants import ConstantTensor
from qcompile.ir.ops.scatter import ScatterNode, drawn_places


@dataclass(frozen=True)
class Scatter:
    """(n,) → (rows, width)."""

    rows: int
    width: int
    places: ConstantTensor

    def __call__(self, value: Tensor) -> Tensor:
        zeros = value.new_zeros(self.rows * self.width)
        return zeros.index_copy(0, self.places.on(value), value).reshape(self.rows, self.width)


def scatter(node: ScatterNode, context: StepContext) -> Scatter:
    (count,) = context.widths
    drawn = drawn_places(node.rows * node.width, count, node.seed, node.draw)
    return Scatter(node.rows, node.width, context.constants.index(drawn))


FUNCTIONS: NodeFunctions = {ScatterNode: scatter}
