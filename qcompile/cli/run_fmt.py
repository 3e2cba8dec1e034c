"""`qcompile fmt FILE…`"""

from __future__ import annotations

from qcompile.artifact.atomic import write_atomically
from qcompile.cli.arguments import Arguments
from qcompile.cli.sources import read
from qcompile.cli.terminal import Terminal
from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.diagnostic import Diagnostic
from qcompile.diagnostics.errors import QCompileError
from qcompile.grammar.format import format_file
from qcompile.grammar.parser import parse


def run(arguments: Arguments, terminal: Terminal) -> int:
    """Rewrite the files in place; `-` reads the standard input and prints the result.

    A file with syntax errors is left alone, the others are formatted all the same.
    """
    code = 0
    for path in arguments.inputs:
        try:
            changed = _format(path, arguments, terminal)
        except QCompileError as error:
            terminal.diagnostics(error.diagnostics)
            code = max(code, error.exit_code)
            continue
        if changed and arguments.check_only:
            terminal.note(f"{path} would change")
            code = max(code, 1)
    return code


def _format(path: str, arguments: Arguments, terminal: Terminal) -> bool:
    source = read(path)
    collector = Collector()
    file = parse(source, collector)
    collector.raise_if_errors()
    if file is None:
        found: tuple[Diagnostic, ...] = collector.diagnostics
        raise QCompileError(*found)
    text = format_file(file)
    changed = text != source.text
    if arguments.check_only:
        return changed
    if path == "-":
        terminal.out(text)
    elif changed:
        write_atomically(path, text.encode())
    return changed
