"""`qcompile report FILE`"""

from __future__ import annotations

from qcompile.cli.arguments import Arguments
from qcompile.cli.options import run_driver
from qcompile.cli.sources import read
from qcompile.cli.terminal import Terminal
from qcompile.report.figures import figures
from qcompile.report.record import report_json
from qcompile.report.table import report_text


def run(arguments: Arguments, terminal: Terminal) -> int:
    """Print the figures of a compilation; nothing is written."""
    compilation = run_driver(arguments, read(arguments.inputs[0]), terminal)
    found = figures(
        compilation.planned,
        pipeline=compilation.manifest.pipeline,
        tokens=compilation.manifest.tokens,
        base_parameters=None if compilation.model is None else compilation.model.parameters,
    )
    terminal.out(report_json(found) if arguments.format == "json" else report_text(found))
    return 0
