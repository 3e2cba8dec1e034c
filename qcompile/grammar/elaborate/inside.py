"""Places inside string literals."""

from __future__ import annotations

from qcompile.diagnostics.source import Span
from qcompile.grammar.syntax import StringLiteral


def within(literal: StringLiteral, start: int, end: int) -> Span:
    """Return the span of some characters of a string; the whole literal where it has escapes."""
    span = literal.span
    if span.end - span.start != len(literal.value) + 2:
        return span
    first = min(span.start + 1 + start, span.end - 1)
    return Span(span.source, first, max(first + 1, min(span.start + 1 + end, span.end - 1)))
