"""Source texts and the spans that point into them."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Source:
    """A named text; `name` is what messages print, a path as the user wrote it or `<stdin>`."""

    name: str
    text: str = field(repr=False)

    def line_column(self, offset: int) -> tuple[int, int]:
        """Return the 1-based line and column, in characters, of an offset in `0..len(text)`."""
        offset = min(max(offset, 0), len(self.text))
        starts = _line_starts(self.text)
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """Return a line without its line break; empty for a line outside the text."""
        starts = _line_starts(self.text)
        if not 1 <= line <= len(starts):
            return ""
        end = starts[line] - 1 if line < len(starts) else len(self.text)
        return self.text[starts[line - 1] : end].removesuffix("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """The half-open range `start..end` of character offsets in a source; may be empty."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        return self.source.line_column(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.line_column(self.start)[1]

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """Return the smallest span that covers both; both lie in the same source."""
        return Span(self.source, min(self.start, other.start), max(self.end, other.end))


# A flood of messages about one large text asks for its lines again and again.
@lru_cache(maxsize=4)
def _line_starts(text: str) -> array[int]:
    starts = array("q", [0])
    offset = text.find("\n")
    while offset >= 0:
        starts.append(offset + 1)
        offset = text.find("\n", offset + 1)
    return starts
