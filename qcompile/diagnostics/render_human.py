"""Prints diagnostics for people: the source line, carets, labels and advice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from qcompile.diagnostics.cells import printable
from qcompile.diagnostics.diagnostic import Diagnostic, Label
from qcompile.diagnostics.excerpt import Excerpt, Mark, excerpts

_RESET = "\x1b[0m"
_STYLES = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "secondary": "\x1b[1;34m",
    "gutter": "\x1b[1;34m",
    "bold": "\x1b[1m",
}


def render_human(diagnostics: Iterable[Diagnostic], *, colour: bool = False) -> str:
    """Return the diagnostics as text, a blank line between two; empty for none."""
    painter = _Painter(colour=colour)
    return "\n".join(_render(diagnostic, painter) for diagnostic in diagnostics)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Painter:
    colour: bool

    def paint(self, style: str, text: str) -> str:
        if not self.colour or not text:
            return text
        return f"{_STYLES[style]}{text}{_RESET}"


def _render(diagnostic: Diagnostic, painter: _Painter) -> str:
    head = painter.paint(diagnostic.severity, f"{diagnostic.severity}[{diagnostic.code}]")
    lines = [head + painter.paint("bold", f": {printable(diagnostic.title)}")]
    groups = _by_source(diagnostic)
    shown = [excerpts(labels) for labels in groups]
    gutter = max((len(str(line.line)) for group in shown for line in group), default=0)
    bar = painter.paint("gutter", " " * gutter + " |")
    for index, (labels, group) in enumerate(zip(groups, shown, strict=True)):
        span = labels[0][0].span
        arrow = painter.paint("gutter", " " * gutter + ("-->" if index == 0 else ":::"))
        lines.append(f"{arrow} {printable(span.source.name)}:{span.line}:{span.column}")
        lines.append(bar)
        lines.extend(_source_lines(group, gutter, diagnostic.severity, painter))
    remarks = [("help", text) for text in diagnostic.helps]
    remarks += [("note", text) for text in diagnostic.notes]
    remarks.append(("note", f"run `qcompile explain {diagnostic.code}` to learn more"))
    if shown:
        lines.append(bar)
    for kind, text in remarks:
        lines.extend(_remark(kind, text, gutter, painter))
    return "\n".join(lines) + "\n"


def _by_source(diagnostic: Diagnostic) -> list[tuple[tuple[Label, bool], ...]]:
    groups: dict[str, list[tuple[Label, bool]]] = {}
    if diagnostic.primary is not None:
        groups[diagnostic.primary.span.source.name] = [(diagnostic.primary, True)]
    for label in diagnostic.secondary:
        groups.setdefault(label.span.source.name, []).append((label, False))
    return [tuple(group) for group in groups.values()]


def _source_lines(
    group: tuple[Excerpt, ...], gutter: int, severity: str, painter: _Painter
) -> list[str]:
    bar = painter.paint("gutter", " " * gutter + " |")
    lines: list[str] = []
    previous: Excerpt | None = None
    for excerpt in group:
        if previous is not None and excerpt.line > previous.line + 1:
            lines.append(painter.paint("gutter", "..."))
        number = painter.paint("gutter", f"{excerpt.line:>{gutter}} |")
        lines.append(f"{number} {excerpt.text}".rstrip())
        for row in _mark_rows(excerpt.marks, severity, painter):
            lines.append(f"{bar} {row}".rstrip())
        previous = excerpt
    return lines


def _mark_rows(marks: tuple[Mark, ...], severity: str, painter: _Painter) -> list[str]:
    """Lay out the carets, then the labels, each hanging from the start of its mark.

    The label of the rightmost mark stands beside its carets, as long as nothing lies behind it.
    """
    order = sorted(marks, key=lambda mark: (mark.start, not mark.primary))
    under: dict[int, tuple[str, str]] = {}
    for mark in sorted(marks, key=lambda mark: mark.primary):
        for cell in range(mark.start, mark.end):
            under[cell] = ("^", severity) if mark.primary else ("-", "secondary")
    hanging = [mark for mark in order if mark.text]
    beside = ""
    if hanging and hanging[-1].end == max(mark.end for mark in marks):
        last = hanging.pop()
        beside = " " + painter.paint(_style(last, severity), printable(last.text))
    rows = [_row(under, painter) + beside]
    if hanging:
        rows.append(_row(_stems(hanging, severity), painter))
    while hanging:
        mark = hanging.pop()
        stems = {cell: it for cell, it in _stems(hanging, severity).items() if cell < mark.start}
        pad = " " * (mark.start - (max(stems) + 1 if stems else 0))
        text = painter.paint(_style(mark, severity), printable(mark.text))
        rows.append(_row(stems, painter) + pad + text)
    return rows


def _stems(marks: list[Mark], severity: str) -> dict[int, tuple[str, str]]:
    return {mark.start: ("|", _style(mark, severity)) for mark in marks}


def _style(mark: Mark, severity: str) -> str:
    return severity if mark.primary else "secondary"


def _row(row: dict[int, tuple[str, str]], painter: _Painter) -> str:
    pieces: list[str] = []
    cell = 0
    while cell <= max(row, default=-1):
        if cell not in row:
            pieces.append(" ")
            cell += 1
            continue
        run, style = "", row[cell][1]
        while cell in row and row[cell][1] == style:
            run += row[cell][0]
            cell += 1
        pieces.append(painter.paint(style, run))
    return "".join(pieces)


def _remark(kind: str, text: str, gutter: int, painter: _Painter) -> list[str]:
    equals = painter.paint("gutter", " " * gutter + " =")
    first, *rest = text.split("\n")
    lines = [f"{equals} {painter.paint('bold', kind)}: {printable(first)}"]
    indent = " " * (gutter + len(f" = {kind}: "))
    lines.extend(f"{indent}{printable(line)}".rstrip() for line in rest)
    return lines
