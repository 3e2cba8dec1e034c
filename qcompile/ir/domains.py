"""What a value has one copy of: every token, every row of a table, or nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from qcompile.ir.verification import VerificationError


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


def joined(parts: Sequence[Domain]) -> Domain:
    """The domain of values that are computed with together.

    Raises:
        VerificationError: tables of different lengths, or a table and a value of each token.
    """
    distinct = [part for part in dict.fromkeys(parts) if part != FREE]
    if len(distinct) > 1:
        raise VerificationError("a table with another table's rows, or with tokens")
    return distinct[0] if distinct else FREE
