"""`reflections(v, count: r)`: a product of reflections. HRA, arXiv:2405.17484."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.ir.limits import MAX_BLOCK
from qcompile.ir.node import ElementwiseNode, Needed, NodeWork
from qcompile.ir.operation import Operation, standard
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import FROZEN, SHARE, Option, init_option, value_option
from qcompile.ir.spec_node import Lowering, TrainableUnarySpec
from qcompile.ir.verification import require


@dataclass(frozen=True, slots=True, kw_only=True)
class ReflectionsNode(ElementwiseNode):
    """H_1 H_2 … H_r a, H_i = I - 2 u_i u_iᵀ / |u_i|², the u_i being the rows of (r, width).

    A row of zeros is no reflection: its H is I.
    """

    LINEAR = True
    TENSORS = ("tensor",)
    DETAIL = "count {node.count}"
    SAVES = True

    tensor: int
    count: int

    def verify(self, widths: Sequence[int]) -> Needed:
        ElementwiseNode.verify(self, widths)
        require(self.count >= 1, "it has no reflections")
        return ((self.tensor, (self.count, self.width)),)

    def work(self, widths: Sequence[int]) -> NodeWork:
        size = self.count * self.width
        # Every reflection keeps what it reflects, and twice its product with the row.
        kept = size - self.width + 2 * self.count
        return NodeWork(each=4.0 * size, once=3.0 * size, backward=2, interior=kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecReflections(TrainableUnarySpec):
    """`reflections(v, count: r)`"""

    count: Scalar

    @property
    def identity_at_start(self) -> bool:
        return self.init.is_zero

    @property
    def zero_at_start(self) -> bool:
        return False

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        width = lowering.width(operand)
        what = "the number of reflections"
        count = lowering.integer(self.count, what, self.span, low=1, high=MAX_BLOCK)
        tensor = self.tensor(lowering, (count, width), ".rows")
        node = ReflectionsNode(operand=operand, tensor=tensor, count=count, width=width)
        return lowering.append(node, self.span)


OPERATIONS = (
    Operation(
        name="reflections",
        family="trainable",
        options=(
            value_option(),
            Option(name="count", kind="int", low=1, high=MAX_BLOCK, meaning="reflections"),
            init_option("pairs"),
            SHARE,
            FROZEN,
        ),
        meaning="a product of reflections, an orthogonal matrix; the last one acts first",
        width="that of v",
        build=standard(SpecReflections, what="reflections"),
    ),
)
