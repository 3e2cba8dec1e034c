"""The results of a comparison, small enough to be committed, and their JSON form."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Literal

from evidence.methods import Budget

SCHEMA = 1

Kind = Literal["reference", "adapter", "control"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A method in one shape on one task."""

    name: str
    about: str
    kind: Kind
    budget: Budget
    values: dict[str, bool | int | float | str]
    parameters: int
    quantum: int
    rate: float | None
    rate_at_edge: bool
    """The best rate is the first or last of the grid: a wider one might give a better."""
    seeds: list[int]
    figures: dict[str, list[float]]
    """Of every seed, in the order of `seeds`."""
    curve: list[float]
    """Training loss over equal stretches of the run, mean over the seeds."""
    costs: dict[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResults:
    """A task's table."""

    task: str
    score: str
    higher_is_better: bool
    facts: dict[str, str]
    steps: int
    batch: int
    rates: list[float]
    full_rates: list[float]
    head_rate: float | None
    seeds: list[int]
    rows: list[Row]

    def row(self, name: str, budget: Budget) -> Row | None:
        """The row of a method; references have one for both budgets."""
        for row in self.rows:
            if row.name == name and (row.kind == "reference" or row.budget == budget):
                return row
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """A whole comparison."""

    preset: str
    machine: dict[str, str]
    tasks: list[TaskResults]
    published: dict[str, dict[str, float]]
    """Counts on the models of the papers, by name; see `evidence/published.py`."""

    def task(self, name: str) -> TaskResults | None:
        """The table of a task, where it was run."""
        return next((task for task in self.tasks if task.task == name), None)

    def to_json(self) -> str:
        """One row a line, figures with six digits."""
        record = {"schema": SCHEMA, **dataclasses.asdict(_rounded(self))}
        tasks = record.pop("tasks")
        head = json.dumps(record, indent=1, ensure_ascii=False)[:-2]
        parts = []
        for task in tasks:
            rows = task.pop("rows")
            lines = ",\n".join("   " + json.dumps(row, ensure_ascii=False) for row in rows)
            opening = json.dumps(task, ensure_ascii=False)[:-1]
            parts.append(f'  {opening}, "rows": [\n{lines}\n  ]}}')
        return head + ',\n "tasks": [\n' + ",\n".join(parts) + "\n ]\n}\n"

    @classmethod
    def from_json(cls, text: str) -> Results:
        """The inverse of `to_json`.

        Raises:
            ValueError: The file has another schema.
        """
        record = json.loads(text)
        if (schema := record.pop("schema", None)) != SCHEMA:
            raise ValueError(f"results of schema {schema}; this program reads {SCHEMA}")
        tasks = [
            TaskResults(**(task | {"rows": [Row(**row) for row in task["rows"]]}))
            for task in record.pop("tasks")
        ]
        return cls(tasks=tasks, **record)


def _rounded(value: Any) -> Any:
    """Floats to six significant digits, all through."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return dataclasses.replace(value, **{n: _rounded(getattr(value, n)) for n in names})
    return value
