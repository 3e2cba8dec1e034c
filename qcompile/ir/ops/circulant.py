"""`circulant(v, to: n, block: b)`: blocks of circulant matrices. C3A, arXiv:2407.19342."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.sized_tensors import BlocksDoNotFitAtSize
from qcompile.diagnostics.messages.tensors import BlocksDoNotFit
from qcompile.ir.limits import MAX_WIDTH
from qcompile.ir.node import Needed, NodeWork, UnaryNode
from qcompile.ir.operation import CallReader, Operation, standard
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import (
    FROZEN,
    SHARE,
    TENSOR_INITS,
    TO,
    Option,
    init_option,
    value_option,
)
from qcompile.ir.spec_node import Lowering, TrainableUnarySpec
from qcompile.ir.verification import require


@dataclass(frozen=True, slots=True, kw_only=True)
class CirculantNode(UnaryNode):
    """`tensor`, (width / b, width of a / b, b), holds the first row of each b × b block.

    Row k of a block is its first row moved k places to the right, around the end.
    """

    TENSORS = ("tensor",)
    LINEAR = True
    SAVES = True
    DETAIL = "block {node.block}"

    tensor: int
    block: int
    width: int

    def verify(self, widths: Sequence[int]) -> Needed:
        b = self.block
        divides = b >= 1 and self.width % b == widths[0] % b == 0
        require(divides, f"blocks of {b} do not divide its width and that of its operand")
        return ((self.tensor, (self.width // b, widths[0] // b, b)),)

    def work(self, widths: Sequence[int]) -> NodeWork:
        b, outer, inner = self.block, self.width, widths[0]
        transform = 2.5 * math.log2(max(b, 2))
        return NodeWork(
            each=transform * (inner + outer) + 4.0 * inner * outer / b,
            once=transform * inner * outer / b,
            backward=2,
            # The spectrum of the operand, in complex numbers.
            interior=2 * (b // 2 + 1) * inner // b,
            peak=inner * outer // b,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecCirculant(TrainableUnarySpec):
    """`circulant(v, to: n, block: b)`"""

    to: Scalar
    block: Scalar

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        inner = lowering.width(operand)
        width = lowering.size(self.to, "the width of a `circulant`", self.span)
        what = "a block of `circulant`"
        b = lowering.integer(self.block, what, self.span, low=1, high=MAX_WIDTH)
        for wide in (inner, width):
            if wide % b:
                span = self.block.span or self.span
                lowering.refuse(BlocksDoNotFitAtSize(block=b, width=wide, span=span))
        tensor = self.tensor(lowering, (width // b, inner // b, b), ".rows", fan_in=inner)
        node = CirculantNode(operand=operand, tensor=tensor, block=b, width=width)
        return lowering.append(node, self.span)


def _fits(call: CallReader, known: Mapping[str, int | None]) -> BlocksDoNotFit | None:
    block = known["block"]
    for width in (known["v"], known["to"]):
        if width is not None and block and width % block:
            return BlocksDoNotFit(span=call.place("block"), block=block, width=width)
    return None


OPERATIONS = (
    Operation(
        name="circulant",
        family="trainable",
        options=(
            value_option(),
            TO,
            Option(
                name="block",
                kind="int",
                low=1,
                high=MAX_WIDTH,
                meaning="rows of each circulant matrix; it divides both widths",
            ),
            init_option("kaiming_uniform", TENSOR_INITS),
            SHARE,
            FROZEN,
        ),
        meaning="a matrix of circulant blocks, each made of its first row",
        width="`to`",
        build=standard(SpecCirculant, width="to", what="circulant blocks", check=_fits),
    ),
)
