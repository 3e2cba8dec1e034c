"""Prints diagnostics one a line, as editors and `grep` like them."""

from __future__ import annotations

from collections.abc import Iterable

from qcompile.diagnostics.cells import printable
from qcompile.diagnostics.diagnostic import Diagnostic


def render_short(diagnostics: Iterable[Diagnostic]) -> str:
    """Return `file:line:column: severity[code]: title` for each diagnostic."""
    return "".join(_render(diagnostic) for diagnostic in diagnostics)


def _render(diagnostic: Diagnostic) -> str:
    text = f"{diagnostic.severity}[{diagnostic.code}]: {printable(diagnostic.title)}\n"
    if diagnostic.primary is None:
        return text
    span = diagnostic.primary.span
    line, column = span.source.line_column(span.start)
    return f"{printable(span.source.name)}:{line}:{column}: {text}"
