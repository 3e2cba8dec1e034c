"""The torch of elements at drawn places."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from qcompile.backends.simulator.steps import NodeFunctions, StepContext
from qcompile.executors.constants import ConstantTensor
from qcompile.ir.ops.gather import GatherNode
from qcompile.ir.ops.scatter import drawn_places


@dataclass(frozen=True)
class Gather:
    """(…, n) → (…, width)."""

    places: ConstantTensor

    def __call__(self, value: Tensor) -> Tensor:
        return value.index_select(-1, self.places.on(value))


def gather_places(node: GatherNode, context: StepContext) -> Gather:
    (width,) = context.widths
    return Gather(context.constants.index(drawn_places(width, node.width, node.seed)))


FUNCTIONS: NodeFunctions = {GatherNode: gather_places}
