"""Cuts out of a source the lines that labels point at, in terminal cells."""

from __future__ import annotations

from dataclasses import dataclass

from qcompile.diagnostics.cells import cells, printable
from qcompile.diagnostics.diagnostic import Label

WIDEST_LINE = 140
"""Characters of a line that are shown; longer lines are cut around the first mark."""

_CONTEXT = 40
_CUT = "..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A run of cells under one line, with the text to print beside it."""

    start: int
    end: int
    text: str
    primary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """One line as printed, and the marks below it."""

    line: int
    text: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    """A mark in 0-based characters of its line."""

    start: int
    end: int
    text: str
    primary: bool


def excerpts(labels: tuple[tuple[Label, bool], ...]) -> tuple[Excerpt, ...]:
    """Return the marked lines of one source in order.

    `labels` holds each label and whether it is the primary one; all lie in the same source. A
    label over several lines marks its first and its last line and speaks at the last.
    """
    ranges: dict[int, list[_Range]] = {}
    texts: dict[int, str] = {}
    for label, primary in labels:
        source = label.span.source
        line, column = source.line_column(label.span.start)
        end = max(label.span.start, label.span.end)
        last_line, last_column = source.line_column(end)
        if last_line > line and last_column == 1:
            # A span that ends with a line break ends on the line before.
            last_line, last_column = source.line_column(end - 1)
            last_column += 1
        for number in (line, last_line):
            texts.setdefault(number, source.line_text(number))
        if line == last_line:
            part = _Range(
                start=column - 1, end=last_column - 1, text=label.text.strip(), primary=primary
            )
            ranges.setdefault(line, []).append(part)
            continue
        head = _Range(start=column - 1, end=len(texts[line].rstrip()), text="", primary=primary)
        ranges.setdefault(line, []).append(head)
        tail_text = texts[last_line]
        indent = len(tail_text) - len(tail_text.lstrip())
        tail = _Range(
            start=min(indent, last_column - 1),
            end=last_column - 1,
            text=label.text.strip(),
            primary=primary,
        )
        ranges.setdefault(last_line, []).append(tail)
    return tuple(_excerpt(line, texts[line], ranges[line]) for line in sorted(ranges))


def window(length: int, anchor: int) -> tuple[int, int]:
    """Return the half-open range of characters to show of a line of that length."""
    if length <= WIDEST_LINE:
        return 0, length
    start = max(0, min(anchor - _CONTEXT, length - WIDEST_LINE))
    return start, start + WIDEST_LINE


def _excerpt(line: int, text: str, ranges: list[_Range]) -> Excerpt:
    anchors = [part.start for part in ranges if part.primary] or [part.start for part in ranges]
    low, high = window(len(text), min(anchors))
    before = _CUT if low > 0 else ""
    after = _CUT if high < len(text) else ""
    shown = text[low:high]

    def cell(character: int) -> int:
        inside = min(max(character - low, 0), len(shown))
        return len(before) + cells(shown[:inside])

    marks = []
    for part in ranges:
        start = cell(part.start)
        end = max(cell(part.end), start + 1)
        marks.append(Mark(start=start, end=end, text=part.text, primary=part.primary))
    return Excerpt(line=line, text=before + printable(shown) + after, marks=tuple(marks))
