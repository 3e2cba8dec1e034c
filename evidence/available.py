"""Whether everything that the table names is there."""

from __future__ import annotations

from collections.abc import Sequence

from evidence.methods import ADAPTERS, BUDGETS, LORA, Method
from evidence.presets import Preset


class Unavailable(Exception):
    """A method cannot be run, or there is none of that name."""


def choose(names: Sequence[str] | None, preset: Preset) -> list[Method]:
    """The methods that a preset runs, or the named ones and LoRA, in the order of the table.

    Raises:
        Unavailable: With every reason.
    """
    unknown = [name for name in names or () if name not in ADAPTERS]
    if unknown:
        known = ", ".join(ADAPTERS)
        raise Unavailable(f"there is no method {', '.join(unknown)}; there are {known}")
    chosen = [
        method
        for method in ADAPTERS.values()
        if (names is None or method is LORA or method.name in names)
        and any(task.includes(method.name, budget) for task in preset.tasks for budget in BUDGETS)
    ]
    reasons = [reason for method in chosen if (reason := why_not(method)) is not None]
    if reasons:
        raise Unavailable("\n".join([*reasons, "`--only` names the methods to run"]))
    return chosen


def why_not(method: Method) -> str | None:
    """Why a method cannot be run; None where it can."""
    if not method.path.exists():
        return f"method {method.name}: there is no {method.file} in examples/"
    return None
