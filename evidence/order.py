"""Which run comes next.

A cell first tries its rates with the search seed, then runs the best of them with every seed. The
rate of the head comes first of all: it is the best one for the head alone, and the same for every
method. Cells are finished one after the other, so that a comparison that is cut short has whole
lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evidence.cells import Cell, Run
from evidence.ledger import Ledger
from evidence.methods import Reference


class Waiting(Exception):
    """A cell cannot go on before runs that are under way."""


def head_rate(cells: Sequence[Cell], cell: Cell, ledger: Ledger) -> float | None:
    """The rate for heads on the cell's task; None where there is no head, or it alone is trained.

    Raises:
        Waiting: It is not known yet.
    """
    if cell.method is Reference.HEAD:
        return None
    for other in cells:
        if other.task == cell.task and other.method is Reference.HEAD:
            rate = best_rate(cells, other, ledger)
            if rate is None:
                raise Waiting
            return rate
    return None


def searches(cells: Sequence[Cell], cell: Cell, ledger: Ledger) -> list[Run]:
    """The runs that choose the cell's rate.

    Raises:
        Waiting: The head's rate is not known yet.
    """
    fixed = head_rate(cells, cell, ledger) if cell.rates else None
    seed = cell.task.search_seed
    return [Run(cell=cell, seed=seed, rate=rate, head_rate=fixed) for rate in cell.rates]


def best_rate(cells: Sequence[Cell], cell: Cell, ledger: Ledger) -> float | None:
    """The rate with the least validation loss; None before all are tried, or without a grid."""
    runs = searches(cells, cell, ledger)
    if not runs or any(run.key not in ledger for run in runs):
        return None
    return min(runs, key=lambda run: ledger[run.key]["figures"]["validation_loss"]).rate


def finals(cells: Sequence[Cell], cell: Cell, ledger: Ledger) -> list[Run]:
    """The runs that are reported: every seed with the chosen rate.

    Raises:
        Waiting: The rate is not known yet.
    """
    fixed = head_rate(cells, cell, ledger) if cell.rates else None
    rate = best_rate(cells, cell, ledger)
    if cell.rates and rate is None:
        raise Waiting
    return [Run(cell=cell, seed=seed, rate=rate, head_rate=fixed) for seed in cell.task.seeds]


def ready(cells: Sequence[Cell], ledger: Ledger) -> Iterator[Run]:
    """Runs that can start now, the most urgent first; those under way are among them."""
    for cell in cells:
        try:
            runs = searches(cells, cell, ledger)
            yield from (run for run in runs if run.key not in ledger)
            yield from (run for run in finals(cells, cell, ledger) if run.key not in ledger)
        except Waiting:
            continue


def total(cells: Sequence[Cell]) -> int:
    """Runs of a whole comparison; where shapes coincide there are fewer."""
    count = 0
    for cell in cells:
        searched = cell.task.search_seed in cell.task.seeds and bool(cell.rates)
        count += len(cell.rates) + len(cell.task.seeds) - (1 if searched else 0)
    return count


def urgency(cells: Sequence[Cell]) -> list[Cell]:
    """The order in which cells are run: references, then budget by budget, tasks in turn."""
    place: dict[int, tuple[bool, str, int]] = {}
    counts: dict[tuple[str, str], int] = {}
    for number, cell in enumerate(cells):
        kind = (cell.task.task, cell.budget)
        counts[kind] = counts.get(kind, 0) + 1
        adapter = not isinstance(cell.method, Reference)
        place[number] = (adapter, "" if cell.budget == "steps" else cell.budget, counts[kind])
    return [cells[number] for number in sorted(place, key=lambda n: place[n])]
