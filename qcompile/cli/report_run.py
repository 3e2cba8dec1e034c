"""`qcompile report FILE --on DEVICE`: what running an adapter takes, before anything is run."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from qcompile.artifact.formats import READ, kind_of
from qcompile.cli.arguments import Arguments
from qcompile.cli.options import run_driver
from qcompile.cli.remarks import shown_warnings
from qcompile.cli.sources import read
from qcompile.cli.terminal import Terminal
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.services import OverBudget
from qcompile.report.table import table_text

if TYPE_CHECKING:
    from qcompile.adapter.compiled import CompiledAdapter
    from qcompile.services.estimate import ObservableError, RunEstimate


def report_run(arguments: Arguments, terminal: Terminal) -> int:
    """Of a source or an adapter, for `--tokens`, without and with gradients.

    Raises:
        AdapterError: QA7106, where that is more than is allowed; the report is printed before.
    """
    adapter = _adapter(arguments, terminal)
    with shown_warnings(terminal), terminal.progress() as say:
        say(f"route circuits for {arguments.on}")
        adapter.on(
            arguments.on,
            shots=arguments.shots,
            mitigate=arguments.mitigate,
            max_shots=arguments.max_shots,
            max_jobs=arguments.max_jobs,
            copies=arguments.copies,
        )
    forward = adapter.estimate(arguments.tokens)
    training = adapter.estimate(arguments.tokens, training=True)
    if forward is None or training is None:
        terminal.out("circuits are simulated in torch: no jobs, no shots\n")
        return 0
    errors = adapter.predicted_errors()
    device = None if adapter.service is None else adapter.service.device
    calibrated = None if device is None else device.calibrated
    if arguments.format == "json":
        record = {
            "on": arguments.on,
            "calibrated": calibrated,
            "tokens": arguments.tokens,
            "inference": asdict(forward),
            "training": asdict(training),
            "observables": [asdict(error) for error in errors],
        }
        terminal.out(json.dumps(record, indent=2) + "\n")
        _refuse_over_budget(arguments, forward, training)
        return 0
    dated = f" (calibrated {calibrated})" if calibrated else ""
    lines = [f"{arguments.tokens:,} tokens on {arguments.on}{dated}, at most:"]
    lines.append(_line("inference", forward))
    lines.append(_line("training", training))
    lines.append(f"depth of the deepest circuit: {forward.depth}")
    copies = max(forward.copies, training.copies)
    if copies > 1:
        lines.append(f"copies side by side: up to {copies}; shots are those of the device")
    if errors:
        lines.append("share of each measured value that noise takes, predicted:")
        lines.append(_table(errors))
    terminal.out("\n".join(lines) + "\n")
    _refuse_over_budget(arguments, forward, training)
    return 0


def _refuse_over_budget(arguments: Arguments, forward: RunEstimate, training: RunEstimate) -> None:
    limits = {"shots": arguments.max_shots, "jobs": arguments.max_jobs}
    over = [
        OverBudget(service=arguments.on or "", needed=needed, unit=unit, allowed=allowed, what=what)
        for what, found in (("inference", forward), ("training", training))
        for unit, needed in (("shots", found.shots), ("jobs", found.jobs))
        if (allowed := limits[unit]) is not None and needed > allowed
    ]
    if over:
        raise AdapterError(*over)


def _table(errors: Sequence[ObservableError]) -> str:
    rows = [[e.adapter, e.circuit, e.observable, f"{e.error:.2g}"] for e in errors]
    head = ["adapter", "circuit", "observable", "error"]
    return table_text([head, *rows], left=(0, 1, 2))


def _line(name: str, found: RunEstimate) -> str:
    text = f"  {name}: circuits {found.circuits:,}, jobs {found.jobs:,}"
    text += f", shots {found.shots:,}" if found.shots else ", exact values"
    if found.seconds is not None:
        text += f"; {found.seconds:.3g} s of gates and read-outs"
    return text


def _adapter(arguments: Arguments, terminal: Terminal) -> CompiledAdapter:
    (path,) = arguments.inputs
    if os.path.isdir(path) or kind_of(path) in READ:
        from qcompile.adapter.load import load

        return load(path)
    compilation = run_driver(arguments, read(path), terminal)
    from qcompile.adapter import CompiledAdapter

    return CompiledAdapter(compilation.manifest)
