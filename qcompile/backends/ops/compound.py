"""The torch of compound matrices: minors, expanded along their last row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations

from torch import Tensor

from qcompile.backends.simulator.steps import NodeFunctions, StepContext
from qcompile.executors.constants import ConstantTensor
from qcompile.ir.ops.compound import CompoundNode


@dataclass(frozen=True)
class MinorExpansion:
    """From the minors of one order less to those of the next; positions in lists of sets."""

    last_rows: ConstantTensor
    """The last row of each set of rows."""
    other_rows: ConstantTensor
    """The set of the rows before it."""
    columns: tuple[tuple[ConstantTensor, ConstantTensor], ...]
    """One column of each set of columns, and the set of the others."""

    def __call__(self, table: Tensor, minors: Tensor) -> Tensor:
        row = table.index_select(0, self.last_rows.on(table))
        rest = minors.index_select(0, self.other_rows.on(table))
        total: Tensor | None = None
        for column, others in self.columns:
            left = row.index_select(1, column.on(table))
            term = left * rest.index_select(1, others.on(table))
            total = term if total is None else term - total
        assert total is not None
        return total


@dataclass(frozen=True)
class Compound:
    """(m, n) → (m over order, n over order)."""

    expansions: tuple[MinorExpansion, ...]

    def __call__(self, table: Tensor) -> Tensor:
        minors = table
        for expansion in self.expansions:
            minors = expansion(table, minors)
        return minors


@cache
def _without(count: int, order: int, place: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of each set of `order` numbers below `count`: the one at `place`, and the set of the others
    as a position in the list of smaller sets."""
    smaller = {part: index for index, part in enumerate(combinations(range(count), order - 1))}
    sets = list(combinations(range(count), order))
    others = tuple(smaller[part[:place] + part[place + 1 :]] for part in sets)
    return tuple(part[place] for part in sets), others


def compound(node: CompoundNode, context: StepContext) -> Compound:
    (columns,) = context.widths

    def index(places: tuple[int, ...]) -> ConstantTensor:
        return context.constants.index(list(places))

    found = []
    for order in range(2, node.order + 1):
        last, before = _without(node.rows, order, order - 1)
        places = [_without(columns, order, place) for place in range(order)]
        found.append(
            MinorExpansion(
                index(last), index(before), tuple((index(a), index(b)) for a, b in places)
            )
        )
    return Compound(tuple(found))


FUNCTIONS: NodeFunctions = {CompoundNode: compound}
