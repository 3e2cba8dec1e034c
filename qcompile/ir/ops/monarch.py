"""`monarch(x, to: n, blocks: b)`: block-diagonal, permutation, block-diagonal; arXiv:2204.00595.

With p = width / b and q = to / b: R has b blocks q × p, L has q blocks b × b, and the permutation
P reads a q × b matrix column by column: y = P L Pᵀ R x. Where q = p this is the paper's M^(b).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.sized_tensors import BlocksDoNotFitAtSize
from qcompile.diagnostics.messages.tensors import BlocksDoNotFit
from qcompile.ir.chain import Axis, Chain, MultilinearNode
from qcompile.ir.initialisation import KAIMING_UNIFORM
from qcompile.ir.limits import MAX_BLOCK
from qcompile.ir.node import Needed
from qcompile.ir.operation import CallReader, Operation, standard
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import FROZEN, SHARE, TENSOR_INITS, TO, Option, init_option, value_option
from qcompile.ir.spec_node import Lowering, TrainableUnarySpec
from qcompile.ir.verification import require


@dataclass(frozen=True, slots=True, kw_only=True)
class MonarchNode(MultilinearNode):
    """`right`, R, is (b, q, p): (block, out, in); `left`, L, is (q, b, b)."""

    TENSORS = ("right", "left")

    right: int
    left: int
    blocks: int
    width: int

    def verify(self, widths: Sequence[int]) -> Needed:
        b, n = self.blocks, widths[0]
        divides = b >= 1 and n % b == self.width % b == 0
        require(divides, f"{b} blocks do not divide its width and that of its operand")
        q = self.width // b
        return (self.right, (b, q, n // b)), (self.left, (q, b, b))

    def join(self, chain: Chain) -> None:
        b, q = self.blocks, self.width // self.blocks
        p = chain.width // b
        block, inner = chain.split((b, p))
        row, out = chain.label(q), chain.label(b)
        chain.place(
            self.right, Axis.of((b,), (block,)), Axis.of((q,), (row,)), Axis.of((p,), (inner,))
        )
        chain.place(
            self.left, Axis.of((q,), (row,)), Axis.of((b,), (out,)), Axis.of((b,), (block,))
        )
        chain.leave(self.width, Axis.of((b, q), (out, row)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecMonarch(TrainableUnarySpec):
    """`monarch(x, to: n, blocks: b)`"""

    to: Scalar
    blocks: Scalar

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        """`init: zero` zeroes L alone, so that it gets a gradient."""
        (operand,) = inputs
        width = lowering.size(self.to, "the width of a `monarch`", self.span)
        what = "the blocks of `monarch`"
        b = lowering.integer(self.blocks, what, self.span, low=2, high=MAX_BLOCK)
        for wide in (lowering.width(operand), width):
            if wide % b:
                span = self.blocks.span or self.span
                lowering.refuse(BlocksDoNotFitAtSize(block=b, width=wide, span=span))
        p, q = lowering.width(operand) // b, width // b
        init = KAIMING_UNIFORM if self.init.kind == "zero" else self.init
        node = MonarchNode(
            operand=operand,
            right=self.tensor(lowering, (b, q, p), ".right", init=init, fan_in=p),
            left=self.tensor(lowering, (q, b, b), ".left", fan_in=b),
            blocks=b,
            width=width,
        )
        return lowering.append(node, self.span)


def _fits(call: CallReader, known: Mapping[str, int | None]) -> BlocksDoNotFit | None:
    blocks = known["blocks"]
    for width in (known["v"], known["to"]):
        if width is not None and blocks and width % blocks:
            return BlocksDoNotFit(span=call.place("blocks"), block=blocks, width=width)
    return None


OPERATIONS = (
    Operation(
        name="monarch",
        family="trainable",
        options=(
            value_option(),
            TO,
            Option(
                name="blocks",
                kind="int",
                low=2,
                high=MAX_BLOCK,
                meaning="blocks of the first matrix, rows of those of the second; it divides both"
                " widths",
            ),
            init_option("kaiming_uniform", TENSOR_INITS),
            SHARE,
            FROZEN,
        ),
        meaning="two block-diagonal matrices with a permutation between them",
        width="`to`",
        build=standard(SpecMonarch, width="to", what="a Monarch matrix", check=_fits),
    ),
)
