"""What circuits and their controls make of their data: norms, products of pairs, folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.ir.groups import check_groups, group_words
from qcompile.ir.node import ElementwiseNode, Needed, NodeWork, UnaryNode
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verification import require


@dataclass(frozen=True, slots=True, kw_only=True)
class NormNode(UnaryNode):
    """Euclidean norm of each of `width` equal parts of the last axis; its gradient at 0 is 0."""

    ZERO_AT_ZERO = True
    SAVES = True

    width: int = 1

    def verify(self, widths: Sequence[int]) -> Needed:
        check_groups(self.width, widths[0])
        return ()

    def words(self, tensors: Sequence[TensorSpec]) -> str:
        return group_words(self.mnemonic, self.width)

    def work(self, widths: Sequence[int]) -> NodeWork:
        return NodeWork(each=2.0 * widths[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class PairProductNode(UnaryNode):
    """(…, len(pairs)): a_i · a_j for each pair."""

    ZERO_AT_ZERO = True
    FLOPS = 1.0
    SAVES = True

    pairs: tuple[tuple[int, int], ...]
    width: int

    def verify(self, widths: Sequence[int]) -> Needed:
        require(len(self.pairs) == self.width, "not one pair for each element")
        inside = all(0 <= i < widths[0] for pair in self.pairs for i in pair)
        require(inside, "a pair out of range")
        return ()

    def words(self, tensors: Sequence[TensorSpec]) -> str:
        return f"pairs {' '.join(f'{i}*{j}' for i, j in self.pairs)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldNode(UnaryNode):
    """Element j: the sum of all a_i with i ≡ j (mod width) over the root of their number.

    A narrower operand repeats cyclically instead: element j is a_(j mod its width).
    """

    LINEAR = True

    width: int

    def work(self, widths: Sequence[int]) -> NodeWork:
        return NodeWork(each=float(widths[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class NormaliseNode(ElementwiseNode):
    """a divided by its root mean square along the last axis; 0 for a = 0, as is the gradient."""

    ZERO_AT_ZERO = True
    FLOPS = 4.0
    SAVES = True
