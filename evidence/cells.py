"""What is to be run: cells, and the runs of a cell."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from evidence.compilation import Places, Shape, compile_method
from evidence.methods import BUDGETS, LORA, Budget, Method, Reference, Value
from evidence.presets import TaskPreset
from evidence.shapes import matched_values
from evidence.tasks.task import Task

_CHOICES = ("seeds", "rates", "full_rates", "search_seed", "methods", "matched")
"""Of a preset: what decides which runs there are, not what one of them gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A method in one shape on one task: a line of a table."""

    task: TaskPreset
    task_digest: str
    """Of everything that decides a result besides method, rate and seed."""
    name: str
    budget: Budget
    method: Method | Reference
    values: Mapping[str, Value]
    """Of the file's parameters."""
    plan: str
    """Digest of the compiled plan, or the reference's name."""
    parameters: int
    """Trainable, without the head."""
    quantum: int

    @property
    def rates(self) -> tuple[float, ...]:
        """The grid from which its learning rate is chosen; empty: nothing is trained."""
        match self.method:
            case Reference.FULL:
                return self.task.full_rates
            case Reference.FROZEN | Reference.BAYES | Reference.MAJORITY:
                return ()
            case _:
                return self.task.rates

    def shape(self, places: Places) -> Shape | Reference:
        """The method, compiled."""
        if isinstance(self.method, Reference):
            return self.method
        return compile_method(self.method, self.values, places)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a cell."""

    cell: Cell
    seed: int
    rate: float | None
    head_rate: float | None

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides the result, as JSON."""
        return {
            "task": self.cell.task.task,
            "task_digest": self.cell.task_digest,
            "method": self.cell.name,
            "plan": self.cell.plan,
            "rate": self.rate,
            "head_rate": self.head_rate,
            "seed": self.seed,
        }

    @property
    def key(self) -> str:
        """A hash of the settings."""
        return digest(self.settings)


def digest(record: object) -> str:
    """Of a JSON value: 16 hexadecimal digits."""
    text = json.dumps(record, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def cells_of(preset: TaskPreset, task: Task, methods: Iterable[Method]) -> list[Cell]:
    """The table of a task: references first, then the methods as the preset orders them.

    Raises:
        CompileError: A method's file does not compile for the task's model.
    """
    settings = {name: value for name, value in asdict(preset).items() if name not in _CHOICES}
    task_digest = digest([settings, task.facts, task.device.type])
    lora = compile_method(LORA, LORA.parameters, task.places)
    rows: list[Cell] = []

    def add(
        budget: Budget,
        name: str,
        method: Method | Reference,
        values: Mapping[str, Value],
        plan: str,
        counts: tuple[int, int],
    ) -> None:
        rows.append(
            Cell(
                task=preset,
                task_digest=task_digest,
                name=name,
                budget=budget,
                method=method,
                values=values,
                plan=plan,
                parameters=counts[0],
                quantum=counts[1],
            )
        )

    for reference in task.references:
        name = reference.name.lower()
        count = 0
        if reference is Reference.FULL:
            count = sum(parameter.numel() for parameter in task.trial(0).base)
        add("steps", name, reference, {}, name, (count, 0))
    order = list(preset.methods or ())
    ordered = sorted(methods, key=lambda m: order.index(m.name) if m.name in order else -1)
    for budget in BUDGETS:
        for method in ordered:
            if not preset.includes(method.name, budget) or preset.task in method.unfit:
                continue
            if budget == "steps":
                values = method.parameters
            elif method.knob is None:
                continue
            else:
                values = matched_values(method, lora.parameters, task.places)
            shape = compile_method(method, values, task.places)
            counts = (shape.parameters, shape.quantum)
            add(budget, method.name, method, values, shape.digest, counts)
    return rows
