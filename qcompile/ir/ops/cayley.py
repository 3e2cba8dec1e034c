"""`cayley(x, block: b)`: an orthogonal matrix on every block. Cayley unitary adapters,
arXiv:2605.05914."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.sized_tensors import BlocksDoNotFitAtSize
from qcompile.diagnostics.messages.tensors import BlocksDoNotFit
from qcompile.ir.limits import MAX_BLOCK
from qcompile.ir.node import ElementwiseNode, Needed, NodeWork
from qcompile.ir.operation import CallReader, Operation, standard
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import FROZEN, ONE_TENSOR_INITS, SHARE, Option, init_option, value_option
from qcompile.ir.spec_node import Lowering, TrainableUnarySpec
from qcompile.ir.verification import require


@dataclass(frozen=True, slots=True, kw_only=True)
class CayleyNode(ElementwiseNode):
    """Q_k on the k-th `block` elements, Q = (I − A)(I + A)^{-1} with A skew-symmetric.

    The tensor, (width / block, block (block − 1) / 2), holds each A's entries above the diagonal,
    row by row.
    """

    LINEAR = True
    DETAIL = "block {node.block}"
    TENSORS = ("tensor",)
    SAVES = True

    tensor: int
    block: int

    def verify(self, widths: Sequence[int]) -> Needed:
        ElementwiseNode.verify(self, widths)
        block, width = self.block, self.width
        require(block >= 2 and width % block == 0, f"blocks of {block} do not divide it")
        return ((self.tensor, (width // block, block * (block - 1) // 2)),)

    def work(self, widths: Sequence[int]) -> NodeWork:
        block, width = self.block, self.width
        return NodeWork(
            each=2.0 * block * width,
            once=8.0 / 3.0 * block**2 * width,
            backward=2,
            peak=block * width,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecCayley(TrainableUnarySpec):
    """`cayley(x, block: b)`: an orthogonal matrix on each b elements in a row."""

    block: Scalar

    @property
    def identity_at_start(self) -> bool:
        return self.init.is_zero

    @property
    def zero_at_start(self) -> bool:
        return False

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        width = lowering.width(operand)
        what = "a block of `cayley`"
        block = lowering.integer(self.block, what, self.span, low=2, high=MAX_BLOCK)
        if width % block:
            lowering.refuse(
                BlocksDoNotFitAtSize(block=block, width=width, span=self.block.span or self.span)
            )
        skew = self.tensor(lowering, (width // block, block * (block - 1) // 2), ".skew")
        node = CayleyNode(operand=operand, tensor=skew, block=block, width=width)
        return lowering.append(node, self.span)


def _fits(call: CallReader, known: Mapping[str, int | None]) -> BlocksDoNotFit | None:
    width, block = known["v"], known["block"]
    if width is None or not block or width % block == 0:
        return None
    return BlocksDoNotFit(span=call.place("block"), block=block, width=width)


OPERATIONS = (
    Operation(
        name="cayley",
        family="trainable",
        options=(
            value_option(),
            Option(
                name="block",
                kind="int",
                low=2,
                high=MAX_BLOCK,
                default="4",
                meaning="rows of each matrix; it divides the width",
            ),
            init_option("zero", ONE_TENSOR_INITS),
            SHARE,
            FROZEN,
        ),
        meaning="an orthogonal matrix on every block of elements in a row",
        width="that of v",
        build=standard(SpecCayley, what="orthogonal blocks", check=_fits),
    ),
)
