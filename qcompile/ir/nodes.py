"""Nodes that Program and Plan share: elementwise work and plumbing, for concrete widths.

Every node has `width`, the size of its last axis. The value of a node is (…, width) for all
tokens, (width,) where it is the same for every token, or a table (rows, width): see `domains`.
Operands are indices of earlier nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

from qcompile.ir.spec import ActivationKind


@dataclass(frozen=True, slots=True, kw_only=True)
class InputNode:
    """`x`, (…, width)."""

    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputNode:
    """`y`, (…, width): what the adapted module gives by itself."""

    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorNode:
    """A trainable vector, broadcast over tokens; its value is (width,)."""

    tensor: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableNode:
    """A trainable matrix (rows, width)."""

    tensor: int
    rows: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BitsNode:
    """The table of all numbers of `width` binary digits: (2^width, width) of 0 and 1."""

    width: int

    @property
    def rows(self) -> int:
        return int(2**self.width)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsNode:
    """(rows · width,) as a table (rows, width)."""

    operand: int
    rows: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatNode:
    """A table as one vector, (rows · width of the operand,)."""

    operand: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyNode:
    """W a, W (width, width of a) being the value of `weight`, row by row."""

    operand: int
    weight: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroNode:
    """Exact zeros, broadcast over tokens."""

    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddNode:
    """Sum of two or more values."""

    operands: tuple[int, ...]
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplyNode:
    """Elementwise product of two or more values; a width of 1 broadcasts."""

    operands: tuple[int, ...]
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleNode:
    """factor · a."""

    operand: int
    factor: float
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftNode:
    """offset + a."""

    operand: int
    offset: float
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasNode:
    """a + tensor, a trainable vector (width,)."""

    operand: int
    tensor: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CayleyNode:
    """Q_k on the k-th `block` elements, Q = (I − A)(I + A)^{-1} with A skew-symmetric.

    The tensor, (width / block, block (block − 1) / 2), holds each A's entries above the diagonal,
    row by row. Cayley unitary adapters, arXiv:2605.05914.
    """

    operand: int
    tensor: int
    block: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcatNode:
    """Concatenation along the last axis."""

    operands: tuple[int, ...]
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceNode:
    """a[…, start : start + width]."""

    operand: int
    start: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationNode:
    """Elementwise function. `step` is 1 where the operand is > 0, else 0, with zero gradient; NaN
    stays NaN."""

    operand: int
    kind: ActivationKind
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DropoutNode:
    """Zeroes with `probability` in training mode, scaling the rest by 1 / (1 - probability)."""

    operand: int
    probability: float
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NormNode:
    """Euclidean norm along the last axis; width 1; its gradient at 0 is 0."""

    operand: int
    width: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PairProductNode:
    """(…, len(pairs)): a_i · a_j for each pair."""

    operand: int
    pairs: tuple[tuple[int, int], ...]
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldNode:
    """Element j: the sum of all a_i with i ≡ j (mod width) over the root of their number.

    A narrower operand repeats cyclically instead: element j is a_(j mod its width).
    """

    operand: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NormaliseNode:
    """a divided by its root mean square along the last axis; 0 for a = 0, as is the gradient."""

    operand: int
    width: int


PlainNode = (
    InputNode
    | OutputNode
    | VectorNode
    | TableNode
    | BitsNode
    | RowsNode
    | FlatNode
    | ApplyNode
    | ZeroNode
    | AddNode
    | MultiplyNode
    | ScaleNode
    | ShiftNode
    | BiasNode
    | CayleyNode
    | ConcatNode
    | SliceNode
    | ActivationNode
    | DropoutNode
    | NormNode
    | PairProductNode
    | FoldNode
    | NormaliseNode
)


def plain_operands(node: PlainNode) -> tuple[int, ...]:
    """Indices of the nodes that `node` reads."""
    match node:
        case InputNode() | OutputNode() | VectorNode() | TableNode() | BitsNode() | ZeroNode():
            return ()
        case ApplyNode(operand=operand, weight=weight):
            return operand, weight
        case AddNode() | MultiplyNode() | ConcatNode():
            return node.operands
        case _:
            return (node.operand,)
