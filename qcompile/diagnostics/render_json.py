"""Prints diagnostics as JSON with the field names of rustc, one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable

from qcompile.diagnostics.diagnostic import Diagnostic, Label
from qcompile.diagnostics.excerpt import window
from qcompile.diagnostics.render_human import render_human
from qcompile.diagnostics.source import Source

_MOST_LINES = 10

_Json = dict[str, object]


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """Return one JSON object, in ASCII, on a line of its own for each diagnostic.

    Lines and columns are 1-based and counted in characters, `byte_start` and `byte_end` in bytes
    of UTF-8; the ends are exclusive. `text` quotes at most the first ten lines of a span.
    """
    return "".join(json.dumps(_diagnostic(item)) + "\n" for item in diagnostics)


def _diagnostic(diagnostic: Diagnostic) -> _Json:
    spans = [] if diagnostic.primary is None else [_span(diagnostic.primary, primary=True)]
    spans += [_span(label, primary=False) for label in diagnostic.secondary]
    children = [_child("help", text) for text in diagnostic.helps]
    children += [_child("note", text) for text in diagnostic.notes]
    return {
        "$message_type": "diagnostic",
        "message": diagnostic.title,
        "code": {"code": diagnostic.code, "explanation": None},
        "level": diagnostic.severity,
        "spans": spans,
        "children": children,
        "rendered": render_human((diagnostic,)),
    }


def _child(level: str, text: str) -> _Json:
    return {
        "message": text,
        "code": None,
        "level": level,
        "spans": [],
        "children": [],
        "rendered": None,
    }


def _span(label: Label, *, primary: bool) -> _Json:
    source, start, end = label.span.source, label.span.start, label.span.end
    line_start, column_start = source.line_column(start)
    line_end, column_end = source.line_column(end)
    last = min(line_end, line_start + _MOST_LINES - 1)
    quoted = [
        _line(
            source,
            line,
            column_start if line == line_start else 1,
            column_end if line == line_end else None,
        )
        for line in range(line_start, last + 1)
    ]
    return {
        "file_name": source.name,
        "byte_start": _bytes(source, start),
        "byte_end": _bytes(source, end),
        "line_start": line_start,
        "line_end": line_end,
        "column_start": column_start,
        "column_end": column_end,
        "is_primary": primary,
        "label": label.text or None,
        "text": quoted,
    }


def _line(source: Source, line: int, first: int, last: int | None) -> _Json:
    text = source.line_text(line)
    end = len(text) + 1 if last is None else last
    low, high = window(len(text), first - 1)
    shown = text[low:high]
    return {
        "text": shown,
        "highlight_start": min(first - low, len(shown) + 1),
        "highlight_end": min(end - low, len(shown) + 1),
    }


def _bytes(source: Source, offset: int) -> int:
    return len(source.text[:offset].encode("utf-8", "surrogatepass"))
