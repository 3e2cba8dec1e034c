"""Hands out the comments of a file in their order, each once."""

from __future__ import annotations

import re

from qcompile.diagnostics.source import Span
from qcompile.grammar.pretty import Doc, Remark, sequence
from qcompile.grammar.syntax import Comment, File

_BEFORE_CLOSER = re.compile(r"(?:[\s,]|qubits\b|#[^\n]*)*")


class Comments:
    """The comments that are still to be printed."""

    def __init__(self, file: File) -> None:
        self._text = file.source.text
        self._comments = sorted(file.comments, key=lambda comment: comment.span.start)
        self._next = 0

    def before(self, offset: int) -> tuple[Comment, ...]:
        """Take the comments that start before an offset."""
        first = self._next
        while self._next < len(self._comments) and self._peek().span.start < offset:
            self._next += 1
        return tuple(self._comments[first : self._next])

    def behind(self, span: Span, limit: int) -> tuple[Comment, ...]:
        """Take the first comment inside a span, or the one on its last line, before a limit.

        Others inside the span wait for the next place: a line has room for one.
        """
        if self._next == len(self._comments):
            return ()
        comment = self._peek()
        start = comment.span.start
        if start >= limit or (start >= span.end and "\n" in self._text[span.end : start]):
            return ()
        self._next += 1
        return (comment,)

    def within(self, span: Span) -> bool:
        """Return whether the next comment lies inside a span."""
        return self._next < len(self._comments) and self._peek().span.start < span.end

    def has_blank(self, end: int, start: int) -> bool:
        """Return whether an empty line lies between two places of the text."""
        return self._text.count("\n", end, start) > 1

    def has_line_break(self, end: int, start: int) -> bool:
        return "\n" in self._text[end:start]

    def end_of_list(self, offset: int) -> int:
        """Return where the brackets end whose last item ends at an offset."""
        found = _BEFORE_CLOSER.match(self._text, offset)
        return (offset if found is None else found.end()) + 1

    def _peek(self) -> Comment:
        return self._comments[self._next]


def remarks(comments: tuple[Comment, ...]) -> Doc:
    """Return comments as they stand behind something on its line."""
    return sequence(*(Remark(f"  {comment.text}") for comment in comments))
