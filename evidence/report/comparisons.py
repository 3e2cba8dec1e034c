"""Rows of a table against LoRA, and circuits against their controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evidence.methods import Budget
from evidence.results import Row, TaskResults
from evidence.statistics import Difference, holm, paired

LEVEL = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A row beside another on the same seeds."""

    row: Row
    other: Row
    difference: Difference
    adjusted: float
    """p, adjusted for all verdicts of the table."""
    better: bool
    """The mean is on the better side, whatever p is."""

    @property
    def clear(self) -> bool:
        """Whether the difference stands against chance, the number of comparisons considered."""
        return self.adjusted < LEVEL


def difference(row: Row, other: Row, figure: str) -> Difference | None:
    """Row minus other on the seeds that both have; None where there are fewer than two."""
    common = [seed for seed in row.seeds if seed in other.seeds]
    if figure not in row.figures or figure not in other.figures:
        return None
    own = [row.figures[figure][row.seeds.index(seed)] for seed in common]
    others = [other.figures[figure][other.seeds.index(seed)] for seed in common]
    return paired(own, others)


def verdicts(
    pairs: Sequence[tuple[Row, Row]], figure: str, *, higher_is_better: bool
) -> list[Verdict]:
    """A verdict for every pair that can be compared, adjusted for their number."""
    found = [
        (row, other, one)
        for row, other in pairs
        if (one := difference(row, other, figure)) is not None
    ]
    adjusted = holm([one.p for _, _, one in found])
    return [
        Verdict(
            row=row,
            other=other,
            difference=one,
            adjusted=p,
            better=(one.mean > 0) == higher_is_better,
        )
        for (row, other, one), p in zip(found, adjusted, strict=True)
    ]


def against(task: TaskResults, name: str, budget: Budget) -> list[tuple[Row, Row]]:
    """Every adapter and control of a budget beside a named row."""
    other = task.row(name, budget)
    if other is None:
        return []
    return [
        (row, other)
        for row in task.rows
        if row.budget == budget and row.kind != "reference" and row.name != name
    ]


def controlled(task: TaskResults, budget: Budget) -> list[tuple[Row, Row]]:
    """Every method with a circuit beside its classical control."""
    pairs = []
    for row in task.rows:
        control = task.row(f"{row.name}-control", budget)
        if row.budget == budget and row.kind == "adapter" and control is not None:
            pairs.append((row, control))
    return pairs
