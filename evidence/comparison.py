"""The whole comparison: all cells of a preset, worked off by several processes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from evidence.cells import Cell, Run, cells_of, digest
from evidence.ledger import Ledger
from evidence.methods import Method
from evidence.order import Waiting, finals, ready, searches, total, urgency
from evidence.presets import Preset
from evidence.tasks.task import Task
from evidence.work import Setting, begin, do_costs, do_run, prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Tasks, prepared, and the cells of their tables."""

    preset: Preset
    tasks: dict[str, Task]
    cells: list[Cell]


def plan(preset: Preset, methods: Sequence[Method], setting: Setting) -> Comparison:
    """Prepare the tasks and compile every method for them.

    Raises:
        PagesMissing: The man pages cannot be had.
        EncoderMissing: The pretrained encoder cannot be had.
        QCompileError: A method's file cannot be read or compiled.
    """
    tasks: dict[str, Task] = {}
    cells: list[Cell] = []
    for one in preset.tasks:
        task = prepared(one, setting)
        tasks[one.task] = task
        cells += cells_of(one, task, methods)
    return Comparison(preset=preset, tasks=tasks, cells=urgency(cells))


def cost_settings(cell: Cell, rounds: int) -> dict[str, Any]:
    """What a measurement of costs depends on."""
    return {
        "costs of": cell.name,
        "plan": cell.plan,
        "task_digest": cell.task_digest,
        "rounds": rounds,
    }


def run_all(
    comparison: Comparison,
    ledger: Ledger,
    setting: Setting,
    *,
    processes: int,
    minutes: float | None,
) -> bool:
    """Measure the costs, then do every run that is not in the ledger.

    Args:
        processes: Runs at the same time. Costs are measured with nothing beside them.
        minutes: Start no run later than this; None: finish.

    Returns:
        Whether everything is done.
    """
    from tqdm import tqdm

    end = None if minutes is None else time.monotonic() + 60 * minutes
    cells = comparison.cells
    measured = _measure_costs(comparison, ledger, setting, end)
    with (
        _workers(processes, setting) as pool,
        tqdm(total=total(cells), unit="run", disable=None, desc="train") as bar,
    ):
        bar.update(_done(cells, ledger))
        under_way: dict[Future[dict[str, Any]], Run] = {}
        while True:
            late = end is not None and time.monotonic() > end
            keys = {run.key for run in under_way.values()}
            for run in () if late else ready(cells, ledger):
                if len(under_way) >= processes:
                    break
                if run.key not in keys:
                    keys.add(run.key)
                    under_way[pool.submit(do_run, run, setting)] = run
            if not under_way:
                break
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                run = under_way.pop(future)
                ledger.add(run.key, run.settings, future.result())
            bar.n = _done(cells, ledger)
            bar.refresh()
    return measured and not any(True for _ in ready(cells, ledger))


def _done(cells: Sequence[Cell], ledger: Ledger) -> int:
    return total(cells) - sum(_left(cells, cell, ledger) for cell in cells)


def _left(cells: Sequence[Cell], cell: Cell, ledger: Ledger) -> int:
    try:
        searched = [run.key for run in searches(cells, cell, ledger)]
    except Waiting:
        return total([cell])
    try:
        keys = {*searched, *(run.key for run in finals(cells, cell, ledger))}
    except Waiting:
        return total([cell]) - sum(key in ledger for key in searched)
    return sum(key not in ledger for key in keys)


def _measure_costs(
    comparison: Comparison, ledger: Ledger, setting: Setting, end: float | None
) -> bool:
    from tqdm import tqdm

    rounds = comparison.preset.cost_rounds
    wanted: dict[str, Cell] = {}
    for cell in comparison.cells:
        if cell.rates and (key := digest(cost_settings(cell, rounds))) not in ledger:
            wanted.setdefault(key, cell)
    if not wanted:
        return True
    with _workers(1, setting) as pool:
        for key, cell in tqdm(wanted.items(), unit="method", disable=None, desc="costs"):
            if end is not None and time.monotonic() > end:
                return False
            result = pool.submit(do_costs, cell, rounds, setting).result()
            ledger.add(key, cost_settings(cell, rounds), result)
    return True


def _workers(processes: int, setting: Setting) -> Executor:
    # Forked processes would inherit torch's threads in the middle of something.
    context = get_context("spawn")
    return ProcessPoolExecutor(
        processes, mp_context=context, initializer=begin, initargs=(setting,)
    )
