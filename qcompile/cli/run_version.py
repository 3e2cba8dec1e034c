"""`--version` and `--help`."""

from __future__ import annotations

from qcompile import __version__
from qcompile.artifact.manifest import VERSION, installed_versions
from qcompile.cli.arguments import Arguments
from qcompile.cli.option_table import help_text
from qcompile.cli.terminal import Terminal
from qcompile.executors.fused.gpu.available import triton_description
from qcompile.executors.fused.library import description


def run(arguments: Arguments, terminal: Terminal) -> int:
    """Print the version or a help page."""
    if arguments.inputs:
        terminal.out(help_text(arguments.inputs[1]))
        return 0
    lines = [f"qcompile {__version__}"]
    if arguments.verbose:
        lines.append(f"adapter.pt format {VERSION}")
        lines.append(description())
        lines.append(triton_description())
        lines += [
            f"{name} {version}" for name, version in installed_versions() if name != "qcompile"
        ]
    terminal.out("\n".join(lines) + "\n")
    return 0
