"""What a worker process does: a run, or the costs of a cell."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from evidence.cells import Cell, Run
from evidence.compilation import Shape, compile_method
from evidence.costs import costs
from evidence.methods import LORA, Reference
from evidence.presets import TaskPreset
from evidence.tasks.prepare import prepare
from evidence.tasks.task import Task
from evidence.training import train


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all runs share and no result depends on, but for the device's rounding."""

    folder: Path
    pages: Path | None
    device: str
    threads: int


@cache
def prepared(preset: TaskPreset, setting: Setting) -> Task:
    """A task, once in a process."""
    return prepare(preset, setting.folder, setting.pages, torch.device(setting.device))


def begin(setting: Setting) -> None:
    """Set up a process."""
    torch.set_num_threads(setting.threads)
    # transformers and torchao talk about versions of each other.
    warnings.filterwarnings("ignore", category=FutureWarning)


def do_run(run: Run, setting: Setting) -> dict[str, Any]:
    """Train and judge, or judge what is not trained; a JSON value."""
    cell = run.cell
    task = prepared(cell.task, setting)
    if not cell.rates:
        assert isinstance(cell.method, Reference)
        return {"figures": task.baseline(cell.method, run.seed)}
    assert run.rate is not None
    outcome = train(
        task,
        cell.shape(task.places),
        seed=run.seed,
        steps=cell.task.steps,
        rate=run.rate,
        head_rate=run.head_rate,
    )
    return {
        "figures": outcome.figures,
        "curve": curve(outcome.losses),
        "seconds": outcome.seconds,
    }


def do_costs(cell: Cell, rounds: int, setting: Setting) -> dict[str, Any]:
    """Time and memory beside LoRA; a JSON value."""
    task = prepared(cell.task, setting)
    lora = compile_method(LORA, LORA.parameters, task.places)
    assert isinstance(lora, Shape)
    return {"costs": costs(task, cell.shape(task.places), lora, rounds)}


def curve(losses: tuple[float, ...], points: int = 25) -> list[float]:
    """Means over about `points` equal stretches of a run."""
    size = max(1, len(losses) // points)
    stretches = [losses[start : start + size] for start in range(0, len(losses), size)]
    return [sum(stretch) / len(stretch) for stretch in stretches]
