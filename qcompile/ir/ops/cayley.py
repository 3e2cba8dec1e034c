"""`cayley(x, block: b)`: an orthogonal matrix on every block. Cayley unitary adapters,
arXiv:2605.05914."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qcompile.diagnostics.messages.sized_tensors import BlocksDoNotFitAtSize
from qcompile.diagnostics.messages.tensors import BlocksDoNotFit
from qcompile.ir.added_later import ADDED_LATER
from qcompile.ir.limits import MAX_BLOCK
from qcompile.ir.node import ElementwiseNode, Needed, NodeWork
from qcompile.ir.operation import CallReader, Operation, standard
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import FROZEN, ONE_TENSOR_INITS, SHARE, Option, init_option, value_option
from qcompile.ir.spec_node import Lowering, TrainableUnarySpec
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verification import require

MAX_POWERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class CayleyNode(ElementwiseNode):
    """Q_k on the k-th `block` elements, Q = (I − A)(I + A)^{-1} with A skew-symmetric.

    The tensor, (width / block, block (block − 1) / 2), holds each A's entries above the diagonal,
    row by row. With `powers` p the series instead, which is orthogonal to the order of A^p alone:
    I − 2 A + 2 A² − …, up to A^p with the factor 1.
    """

    LINEAR = True
    DETAIL = "block {node.block}"
    TENSORS = ("tensor",)
    SAVES = True

    tensor: int
    block: int
    powers: int = field(default=0, metadata=ADDED_LATER)

    def words(self, tensors: Sequence[TensorSpec]) -> str:
        words = ElementwiseNode.words(self, tensors)
        return f"{words} powers {self.powers}" if self.powers else words

    def verify(self, widths: Sequence[int]) -> Needed:
        ElementwiseNode.verify(self, widths)
        block, width = self.block, self.width
        require(block >= 2 and width % block == 0, f"blocks of {block} do not divide it")
        require(0 <= self.powers <= MAX_POWERS, "a bad number of powers")
        return ((self.tensor, (width // block, block * (block - 1) // 2)),)

    def work(self, widths: Sequence[int]) -> NodeWork:
        block, width = self.block, self.width
        return NodeWork(
            each=2.0 * block * width,
            once=(2.0 * self.powers or 8.0 / 3.0) * block**2 * width,
            backward=2,
            peak=block * width,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecCayley(TrainableUnarySpec):
    """`cayley(x, block: b)`: an orthogonal matrix on each b elements in a row."""

    block: Scalar
    powers: Scalar

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
        what = "the number of powers"
        powers = lowering.integer(self.powers, what, self.span, low=0, high=MAX_POWERS)
        skew = self.tensor(lowering, (width // block, block * (block - 1) // 2), ".skew")
        node = CayleyNode(operand=operand, tensor=skew, block=block, width=width, powers=powers)
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
            Option(
                name="powers",
                kind="int",
                low=0,
                high=MAX_POWERS,
                default="0",
                meaning="the highest power of a series in the place of the inverse; 0: exact",
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
