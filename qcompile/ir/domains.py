"""What a value has one copy of: every token, every row of a table, or nothing at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from qcompile.ir.nodes import (
    ApplyNode,
    BitsNode,
    FlatNode,
    InputNode,
    OutputNode,
    RowsNode,
    TableNode,
)
from qcompile.ir.verification import VerificationError

NodeT = TypeVar("NodeT")


@dataclass(frozen=True, slots=True)
class Domain:
    """The leading axis of a node's value.

    `free`: none, the value is (width,) and the same for every token. `rows`: (rows, width), the
    same for every token. `tokens`: (…, width).
    """

    kind: Literal["free", "rows", "tokens"]
    rows: int = 1
    """1 unless the kind is `rows`."""

    def batch(self, tokens: int) -> int:
        """How often an operation on the value is done in a call with so many tokens."""
        return tokens if self.kind == "tokens" else self.rows


FREE = Domain("free")
TOKENS = Domain("tokens")


def domains(
    nodes: Sequence[NodeT], operands: Callable[[NodeT], tuple[int, ...]]
) -> tuple[Domain, ...]:
    """The domain of every node of a Program or Plan.

    Raises:
        VerificationError: a node reads values whose domains do not go together.
    """
    found: list[Domain] = []
    for index, node in enumerate(nodes):
        try:
            found.append(domain_of(node, [found[operand] for operand in operands(node)]))
        except VerificationError as error:
            raise VerificationError(f"%{index} ({type(node).__name__}): {error}") from None
    return tuple(found)


def domain_of(node: object, parts: Sequence[Domain]) -> Domain:
    """The domain of a node whose operands have the domains `parts`.

    Raises:
        VerificationError: they do not go together.
    """
    match node:
        case InputNode() | OutputNode():
            return TOKENS
        case TableNode(rows=rows) | BitsNode(rows=rows):
            return Domain("rows", rows)
        case RowsNode(rows=rows):
            if parts[0] != FREE:
                raise VerificationError("rows of a value that is not one vector")
            return Domain("rows", rows)
        case FlatNode():
            if parts[0].kind != "rows":
                raise VerificationError("a value that is no table made flat")
            return FREE
        case ApplyNode():
            if parts[1] != FREE:
                raise VerificationError("a weight that is not one vector")
            return parts[0]
        case _:
            return joined(parts)


def joined(parts: Sequence[Domain]) -> Domain:
    """The domain of values that are computed with together.

    Raises:
        VerificationError: tables of different lengths, or a table and a value of each token.
    """
    distinct = [part for part in dict.fromkeys(parts) if part != FREE]
    if len(distinct) > 1:
        raise VerificationError("a table with another table's rows, or with tokens")
    return distinct[0] if distinct else FREE
