"""How circuits run elsewhere: the arguments of `CompiledAdapter.on`, checked."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import SupportsIndex, cast

from qcompile.diagnostics.arguments import check_path, check_type
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import (
    ConflictingOptions,
    OptionWithoutEffect,
    UnknownOptionValue,
)
from qcompile.diagnostics.nearest import nearest
from qcompile.executors.measured.gradients import SHIFT, Gradient, Method
from qcompile.ir.target import MITIGATIONS, Copies
from qcompile.services.runtime_options import JOBS, MODES, RuntimeOptions
from qcompile.services.terms import Budget, Patience

METHODS = ("shift", "spsa")
MOST = 2**53
"""Of whatever is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How circuits run elsewhere; see `CompiledAdapter.on`."""

    shots: int | None = None
    mitigate: tuple[str, ...] = ()
    gradient: Gradient = SHIFT
    seed: int = 0
    ledger: str | Path | None = None
    budget: Budget = field(default_factory=Budget)
    patience: Patience = field(default_factory=Patience)
    runtime: RuntimeOptions = JOBS
    copies: Copies | None = None
    progress: Callable[[str], None] | None = None


def run_options(
    shots: object,
    mitigate: object,
    gradient: object,
    seed: object,
    ledger: object,
    max_shots: object,
    max_jobs: object,
    batch: object,
    runtime: object,
    copies: object,
    progress: Callable[[str], None] | None,
) -> RunOptions:
    """The arguments of `CompiledAdapter.on`, checked.

    Raises:
        UsageError: QA0009, QA0011, QA6013.
    """
    function = "CompiledAdapter.on"
    if isinstance(gradient, str):
        gradient = Gradient(method=cast(Method, _word("gradient", gradient, METHODS)))
    check_type(function, "gradient", gradient, Gradient, "`shift`, `spsa` or a Gradient")
    assert isinstance(gradient, Gradient)
    return RunOptions(
        shots=_count("shots", shots),
        mitigate=_mitigations(mitigate),
        gradient=gradient,
        seed=_count("seed", seed, low=0) or 0,
        ledger=None if ledger is None else check_path(function, "ledger", ledger),
        budget=Budget(shots=_count("max_shots", max_shots), jobs=_count("max_jobs", max_jobs)),
        runtime=_runtime(runtime, batch),
        copies=_copies(copies),
        progress=progress,
    )


def _mitigations(given: object) -> tuple[str, ...]:
    if given is None or given == "none":
        return ()
    if not isinstance(given, (list, tuple)):
        check_type("CompiledAdapter.on", "mitigate", given, str, "a name, or a list of names")
        given = (given,)
    return tuple(dict.fromkeys(_word("mitigate", str(name), MITIGATIONS) for name in given))


def _runtime(given: object, batch: object) -> RuntimeOptions:
    if given is None:
        return RuntimeOptions(mode="batch") if batch else JOBS
    check_type("CompiledAdapter.on", "runtime", given, RuntimeOptions, "a RuntimeOptions")
    assert isinstance(given, RuntimeOptions)
    _word("mode", given.mode, MODES)
    _count("max_seconds", given.max_seconds)
    if batch and given.mode != "job":
        raise UsageError(ConflictingOptions(first="batch", second="runtime"))
    return replace(given, mode="batch") if batch else given


def _copies(given: object) -> Copies | None:
    if given is None or isinstance(given, Copies):
        if given is not None:
            _count("copies", given.most)
        return given
    return Copies(most=_count("copies", given))


def _word(option: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        near = nearest(value, allowed)
        raise UsageError(
            UnknownOptionValue(option=option, value=value, allowed=allowed, candidates=near)
        )
    return value


def _count(option: str, value: object, low: int = 1) -> int | None:
    if value is None:
        return None
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        with contextlib.suppress(TypeError):
            found = operator.index(value)
            if low <= found <= MOST:
                return found
    shown = str(value) if isinstance(value, (int, float, str)) else type(value).__name__
    allowed = (f"integers from {low} to {MOST}",)
    raise UsageError(UnknownOptionValue(option=option, value=shown, allowed=allowed))


def refuse_in_torch(options: RunOptions) -> None:
    """Refuse what says how jobs are handed in: in torch the target has the noise and the shots.

    Raises:
        UsageError: QA0052.
    """
    given = {
        "shots": options.shots,
        "mitigate": options.mitigate,
        "gradient": options.gradient != SHIFT,
        "ledger": options.ledger,
        "max_shots": options.budget.shots,
        "max_jobs": options.budget.jobs,
        "runtime": options.runtime != JOBS,
        "copies": options.copies,
    }
    needed = "a place other than `simulator`"
    found = [OptionWithoutEffect(option=name, needed=needed) for name in given if given[name]]
    if found:
        raise UsageError(*found)
