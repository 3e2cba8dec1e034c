"""From the ledger to the results: what has been run of a comparison, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evidence.cells import Cell, digest
from evidence.comparison import Comparison, cost_settings
from evidence.ledger import Ledger
from evidence.methods import Reference
from evidence.order import Waiting, best_rate, finals, head_rate
from evidence.presets import TaskPreset
from evidence.results import Kind, Results, Row, TaskResults
from evidence.tasks.task import Task


def summarise(
    comparison: Comparison,
    ledger: Ledger,
    machine: dict[str, str],
    published: dict[str, dict[str, float]],
) -> Results:
    """Results of every cell that has a run with the chosen rate; the others are left out."""
    return Results(
        preset=comparison.preset.name,
        machine=machine,
        published=published,
        tasks=[
            _task(preset, comparison.tasks[preset.task], comparison, ledger)
            for preset in comparison.preset.tasks
        ],
    )


def _task(preset: TaskPreset, task: Task, comparison: Comparison, ledger: Ledger) -> TaskResults:
    cells = [cell for cell in comparison.cells if cell.task == preset]
    rows = [_row(cells, cell, ledger, comparison.preset.cost_rounds) for cell in cells]
    return TaskResults(
        task=preset.task,
        score=task.score,
        higher_is_better=task.higher_is_better,
        facts=task.facts,
        steps=preset.steps,
        batch=preset.batch,
        rates=list(preset.rates),
        full_rates=list(preset.full_rates),
        head_rate=_head_rate(cells, ledger),
        seeds=list(preset.seeds),
        rows=[row for row in rows if row is not None],
    )


def _head_rate(cells: Sequence[Cell], ledger: Ledger) -> float | None:
    for cell in cells:
        if cell.rates and cell.method is not Reference.HEAD:
            try:
                return head_rate(cells, cell, ledger)
            except Waiting:
                return None
    return None


def _row(cells: Sequence[Cell], cell: Cell, ledger: Ledger, rounds: int) -> Row | None:
    try:
        runs = [run for run in finals(cells, cell, ledger) if run.key in ledger]
    except Waiting:
        return None
    if not runs:
        return None
    results = [ledger[run.key] for run in runs]
    names = results[0]["figures"]
    rate = best_rate(cells, cell, ledger)
    key = digest(cost_settings(cell, rounds))
    return Row(
        name=cell.name,
        about=cell.method.value if isinstance(cell.method, Reference) else cell.method.about,
        kind=_kind(cell),
        budget=cell.budget,
        values=dict(cell.values),
        parameters=cell.parameters,
        quantum=cell.quantum,
        rate=rate,
        rate_at_edge=len(cell.rates) > 1 and rate in (cell.rates[0], cell.rates[-1]),
        seeds=[run.seed for run in runs],
        figures={name: [result["figures"][name] for result in results] for name in names},
        curve=_mean_curve(results),
        costs=ledger[key]["costs"] if key in ledger else {},
    )


def _kind(cell: Cell) -> Kind:
    if isinstance(cell.method, Reference):
        return "reference"
    return "control" if cell.method.control else "adapter"


def _mean_curve(results: Sequence[dict[str, Any]]) -> list[float]:
    curves = [result["curve"] for result in results if "curve" in result]
    return [sum(values) / len(values) for values in zip(*curves, strict=True)]
