"""What the values of a Spec have one copy of; how many rows a table has is known at lowering."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from qcompile.ir.spec import (
    SpecApply,
    SpecBits,
    SpecFlat,
    SpecInput,
    SpecNode,
    SpecOutput,
    SpecRows,
    SpecTable,
)

SpecDomain = Literal["free", "rows", "tokens", "any"]
"""One for all, one for each row of a table, one for each token; `any`: not known yet."""


def spec_domain(node: SpecNode, parts: tuple[SpecDomain, ...]) -> SpecDomain | None:
    """The domain of a node whose operands have the domains `parts`; None: they do not go together.

    What a node itself demands of its operands is not checked.
    """
    match node:
        case SpecInput() | SpecOutput():
            return "tokens"
        case SpecTable() | SpecBits() | SpecRows():
            return "rows"
        case SpecFlat():
            return "free"
        case SpecApply():
            return parts[0]
        case _:
            return joined(parts)


def joined(parts: Iterable[SpecDomain]) -> SpecDomain | None:
    """The domain of values that are computed with together; None: there is none."""
    distinct = {part for part in parts if part != "free"}
    if "any" in distinct:
        return "any"
    if len(distinct) > 1:
        return None
    return distinct.pop() if distinct else "free"
