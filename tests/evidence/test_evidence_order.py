"""Which run comes next, and that an interrupted comparison goes on where it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evidence.cells import Cell, Run
from evidence.ledger import Ledger
from evidence.methods import LORA, Budget, Method, Reference
from evidence.order import best_rate, finals, ready, total, urgency
from evidence.presets import ClassificationPreset

TASK = ClassificationPreset(
    task="man_section", steps=3, batch=2, seeds=(0, 1, 2), rates=(0.1, 0.2), layers=1
)


def cell(name: str, method: Method | Reference, budget: Budget = "steps") -> Cell:
    return Cell(
        task=TASK,
        task_digest="t",
        name=name,
        budget=budget,
        method=method,
        values={},
        plan=name,
        parameters=1,
        quantum=0,
    )


HEAD = cell("head", Reference.HEAD)
ADAPTER = cell("lora", LORA)
BAYES = cell("bayes", Reference.BAYES)


def result(loss: float) -> dict[str, Any]:
    return {"figures": {"validation_loss": loss}}


def work_off(cells: list[Cell], ledger: Ledger, losses: dict[float, float]) -> list[Run]:
    """Do the first run that is ready, again and again."""
    done = []
    while (run := next(ready(cells, ledger), None)) is not None:
        ledger.add(run.key, run.settings, result(losses.get(run.rate or 0.0, 0.0)))
        done.append(run)
    return done


def test_head_then_rates_then_seeds(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "results.jsonl")
    done = work_off([HEAD, ADAPTER], ledger, {0.1: 2.0, 0.2: 1.0})
    steps = [(run.cell.name, run.rate, run.head_rate, run.seed) for run in done]
    assert steps == [
        ("head", 0.1, None, 0),
        ("head", 0.2, None, 0),
        ("head", 0.2, None, 1),
        ("head", 0.2, None, 2),
        ("lora", 0.1, 0.2, 0),
        ("lora", 0.2, 0.2, 0),
        ("lora", 0.2, 0.2, 1),
        ("lora", 0.2, 0.2, 2),
    ]
    assert len(done) == total([HEAD, ADAPTER])


def test_nothing_waits_for_a_rate_in_vain(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "results.jsonl")
    names = {run.cell.name for run in ready([HEAD, ADAPTER, BAYES], ledger)}
    assert names == {"head", "bayes"}, "the adapter needs the head's rate"
    assert best_rate([HEAD], HEAD, ledger) is None


def test_a_diverged_rate_is_not_chosen(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "results.jsonl")
    work_off([HEAD], ledger, {0.1: 3.0, 0.2: float("inf")})
    assert best_rate([HEAD], HEAD, ledger) == 0.1


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    work_off([HEAD, ADAPTER], Ledger(path), {0.1: 2.0, 0.2: 1.0})
    whole = path.read_text()
    lines = whole.splitlines(keepends=True)
    path.write_text("".join(lines[:5]) + lines[5][:20])
    done = work_off([HEAD, ADAPTER], Ledger(path), {0.1: 2.0, 0.2: 1.0})
    assert len(done) == 3, "the half-written one again, and the two after it"
    again = Ledger(path)
    assert all(run.key in again for run in finals([HEAD, ADAPTER], ADAPTER, again))
    assert again.results == Ledger(path).results and len(again.results) == len(lines)


def test_equal_shapes_share_their_runs() -> None:
    steps, matched = cell("lora", LORA), cell("lora", LORA, "parameters")
    runs = [Run(cell=one, seed=1, rate=0.1, head_rate=0.2) for one in (steps, matched)]
    assert runs[0].key == runs[1].key
    assert Run(cell=steps, seed=2, rate=0.1, head_rate=0.2).key != runs[0].key


def test_references_come_first_then_budget_by_budget() -> None:
    cells = [cell("lora", LORA, "parameters"), ADAPTER, HEAD]
    assert [(one.name, one.budget) for one in urgency(cells)] == [
        ("head", "steps"),
        ("lora", "steps"),
        ("lora", "parameters"),
    ]
