"""The tables of a task."""

from __future__ import annotations

from evidence.methods import BUDGETS, Budget
from evidence.report.comparisons import difference
from evidence.report.figures import interval, megabytes, number, spread, table
from evidence.results import Row, TaskResults

TITLES: dict[Budget, str] = {
    "steps": "Equal steps, each method in its own shape",
    "parameters": "Equal steps and as many parameters as LoRA of rank 4, as near as they come",
}


def score_tables(task: TaskResults) -> list[str]:
    """Loss and score of every row, a table a budget, the references above the adapters."""
    lines: list[str] = []
    for budget in BUDGETS:
        rows = rows_of(task, budget)
        if not any(row.kind != "reference" for row in rows):
            continue
        lora = task.row("lora", budget)
        lines += ["", f"#### {TITLES[budget]}", ""]
        lines += table(_heads(task), [_cells(task, row, lora) for row in rows])
    return lines


def cost_table(task: TaskResults) -> list[str]:
    """Time and memory of a step beside LoRA."""
    rows = [row for row in task.rows if row.costs]
    if not rows:
        return []
    head = ["method", "shape", "time ÷ LoRA's", "ms", "memory, MB", "saved, MB"]
    cells = []
    for row in rows:
        ratio, seconds = row.costs.get("ratio"), row.costs.get("seconds")
        cells.append(
            [
                f"`{row.name}`",
                shape(row),
                number(ratio, 2),
                number(None if seconds is None else 1e3 * seconds, 1),
                megabytes(row.costs.get("memory")),
                megabytes(row.costs.get("saved")),
            ]
        )
    return ["", "#### Time and memory of a step", "", *table(head, _distinct(cells), words=2)]


def rows_of(task: TaskResults, budget: Budget) -> list[Row]:
    """References, then the methods of a budget in the order of the table of methods."""
    return [row for row in task.rows if row.kind == "reference" or row.budget == budget]


def shape(row: Row) -> str:
    """Values of a file's parameters."""
    return ", ".join(f"{name} {value}" for name, value in row.values.items())


def _heads(task: TaskResults) -> list[str]:
    heads = ["method", "parameters", "angles", "rate", "training loss", task.score]
    heads.append("against LoRA, paired [95 %]")
    if any("forgotten" in row.figures for row in task.rows):
        heads.append("code forgotten")
    return heads


def _cells(task: TaskResults, row: Row, lora: Row | None) -> list[str]:
    rate = "–" if row.rate is None else f"{row.rate:g}{'*' if row.rate_at_edge else ''}"
    against = None
    if lora is not None and row is not lora:
        against = difference(row, lora, "score")
    cells = [
        f"`{row.name}`",
        f"{row.parameters:,}" if row.parameters else "–",
        f"{row.quantum:,}" if row.quantum else "–",
        rate,
        spread(row.figures.get("train_loss", []), 3),
        spread(row.figures["score"], 3),
        interval(against, 3),
    ]
    if any("forgotten" in other.figures for other in task.rows):
        cells.append(spread(row.figures.get("forgotten", []), 3))
    return cells


def _distinct(cells: list[list[str]]) -> list[list[str]]:
    """A shape that both budgets share is measured once and shown once."""
    return [cells[i] for i in range(len(cells)) if cells[i] not in cells[:i]]
