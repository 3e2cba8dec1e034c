"""`householder(v, count: k)`: k reflections in a row. Householder reflection adaptation,
arXiv:2405.17484."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.ir.node import ElementwiseNode, Needed, NodeWork
from qcompile.ir.operation import Operation, standard
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import SHARE, VECTOR_INITS, Option, init_option, value_option
from qcompile.ir.spec_node import Lowering, TrainableUnarySpec
from qcompile.ir.verification import require


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholderNode(ElementwiseNode):
    """H_k … H_1 a with H = I − 2 u uᵀ / uᵀu, the rows of the tensor (count, width) being u."""

    LINEAR = True
    DETAIL = "count {node.count}"
    TENSORS = ("tensor",)
    TORCH = "lab_ops.householder_torch"
    ORACLE = "lab_ops.householder_oracle"
    SAVES = True

    tensor: int
    count: int

    def verify(self, widths: Sequence[int]) -> Needed:
        ElementwiseNode.verify(self, widths)
        require(self.count >= 1, "no reflection")
        return ((self.tensor, (self.count, self.width)),)

    def work(self, widths: Sequence[int]) -> NodeWork:
        return NodeWork(each=4.0 * self.count * self.width, backward=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecHouseholder(TrainableUnarySpec):
    """`householder(v, count: k)`"""

    count: Scalar

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        width = lowering.width(operand)
        count = lowering.integer(self.count, "the number of reflections", self.span, low=1)
        tensor = self.tensor(lowering, (count, width), ".reflections")
        node = HouseholderNode(operand=operand, tensor=tensor, count=count, width=width)
        return lowering.append(node, self.span)


HOUSEHOLDER = Operation(
    name="householder",
    family="trainable",
    options=(
        value_option(),
        Option(name="count", kind="int", low=1, high=64, default="2", meaning="reflections"),
        init_option("normal", VECTOR_INITS),
        SHARE,
    ),
    meaning="reflections in trainable hyperplanes, one after the other",
    width="that of v",
    nodes=(SpecHouseholder, HouseholderNode),
    build=standard(SpecHouseholder, what="reflections"),
)
