"""`gather(v, n, seed: s)`: elements of a value at drawn places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.sized_tensors import TooFewElements
from qcompile.ir.node import Needed, UnaryNode
from qcompile.ir.operation import Operation, standard
from qcompile.ir.ops.scatter import MAX_SEED, SEED
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import size_option, value_option
from qcompile.ir.spec_node import Lowering, UnarySpec
from qcompile.ir.verification import require


@dataclass(frozen=True, slots=True, kw_only=True)
class GatherNode(UnaryNode):
    """The elements at `drawn_places(width of the operand, width, seed)`, in this order."""

    LINEAR = True
    DETAIL = "seed {node.seed}"

    width: int
    seed: int

    def verify(self, widths: Sequence[int]) -> Needed:
        require(0 <= self.seed <= MAX_SEED, "a bad seed")
        require(1 <= self.width <= widths[0], "more places than elements")
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecGather(UnarySpec):
    """`gather(v, n, seed: s)`"""

    to: Scalar
    seed: Scalar

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        count = lowering.size(self.to, "the width of a `gather`", self.span)
        seed = lowering.integer(self.seed, "a seed", self.span, low=0, high=MAX_SEED)
        width = lowering.width(operand)
        if count > width:
            lowering.refuse(TooFewElements(count=count, width=width, span=self.span))
        node = GatherNode(operand=operand, width=count, seed=seed)
        return lowering.append(node, self.span)


OPERATIONS = (
    Operation(
        name="gather",
        family="structure",
        options=(value_option(), size_option("n", "how many"), SEED),
        meaning="n different elements of v, at drawn places",
        width="`n`",
        build=standard(SpecGather, width="n", n="to"),
    ),
)
