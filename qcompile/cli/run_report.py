"""`qcompile report FILE…`"""

from __future__ import annotations

from qcompile.cli.arguments import Arguments
from qcompile.cli.compare import compare, figures_of
from qcompile.cli.options import run_driver
from qcompile.cli.sources import read
from qcompile.cli.terminal import Terminal
from qcompile.report.record import report_json
from qcompile.report.table import report_text


def run(arguments: Arguments, terminal: Terminal) -> int:
    """Print the figures of a compilation, or of several side by side; nothing is written."""
    if arguments.on is not None:
        from qcompile.cli.report_run import report_run

        return report_run(arguments, terminal)
    if len(arguments.inputs) > 1 or arguments.control:
        return compare(arguments, terminal)
    found = figures_of(run_driver(arguments, read(arguments.inputs[0]), terminal))
    terminal.out(report_json(found) if arguments.format == "json" else report_text(found))
    return 0
