"""A command line as typed arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qcompile.ir.limits import DEFAULT_MEMORY, DEFAULT_OPTIMISATION, DEFAULT_TOKENS
from qcompile.ir.target import Copies, Validation

COMMANDS = {
    "compile": "run_compile",
    "check": "run_check",
    "fmt": "run_fmt",
    "report": "run_report",
    "convert": "run_convert",
    "run": "run_run",
    "targets": "run_targets",
    "explain": "run_explain",
    "version": "run_version",
    "list": "run_list",
}
"""Command → the module of `qcompile.cli` that runs it. `version` and `list` come from options."""

MessageFormat = Literal["human", "short", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """A parsed command line."""

    command: str
    inputs: tuple[str, ...] = ()
    output: str | None = None
    model: str | None = None
    trained: str | None = None
    """`--from`: the adapter whose tensors are taken."""
    definitions: tuple[str, ...] = ()
    target: str | None = None
    control: bool = False
    optimisation: int = DEFAULT_OPTIMISATION
    passes: str | None = None
    print_after: tuple[str, ...] = ()
    time_passes: bool = False
    verify: bool = False
    validate: Validation = "none"
    budget: int | None = None
    evaluator: str | None = None
    emit: tuple[str, ...] = ()
    tokens: int = DEFAULT_TOKENS
    memory_limit: int = DEFAULT_MEMORY
    seed: int = 0
    format: Literal["text", "json"] = "text"
    message_format: MessageFormat = "human"
    colour: Literal["auto", "always", "never"] = "auto"
    warnings_are_errors: bool = False
    quiet: bool = False
    verbose: bool = False
    check_only: bool = False
    """`fmt --check`."""
    listing: Literal["passes", "targets"] | None = None
    to: Literal["adapter", "lora", "peft", "surrogate", "transformers"] = "adapter"
    rank: int | float | None = None
    error: float | None = None
    base: str | None = None
    """`convert --to lora`, `--to transformers`."""
    module: str | None = None
    """`convert` to a program, and circuits."""
    bind: tuple[str, ...] = ()
    """What becomes numbers in circuits: `angles`, or the path of a file with data."""
    approximate: bool = False
    """Bound circuits on a device."""
    on: str | None = None
    data: str | None = None
    shots: int | None = None
    mitigate: tuple[str, ...] | None = None
    ledger: str | None = None
    max_shots: int | None = None
    mode: Literal["job", "batch", "session"] = "job"
    max_seconds: int | None = None
    copies: Copies | None = None
    max_jobs: int | None = None
