"""Runs the parser over the lexemes of a text, and goes on after an error."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from qcompile.grammar.lalr import Parser
from qcompile.grammar.lexeme import Lexeme
from qcompile.grammar.recovery import end_of_statement, pair_up, repair, stand_in
from qcompile.grammar.report import ParseReport
from qcompile.grammar.syntax import Item
from qcompile.grammar.unexpected import ErrorPlace, describe


def parse_lexemes(lexemes: list[Lexeme], report: ParseReport) -> tuple[Item, ...] | None:
    """Return the items of a text that starts with its version and ends with `$END`.

    None if the parser could not mend an error; otherwise the result counts only if the report
    holds no message.
    """
    return _Machine(lexemes, report).run()


@dataclass(slots=True)
class _Frame:
    """A block that the parser is in, with the state to go back to after an error."""

    start: int
    """Where its current statement starts."""
    states: list[int]
    values: list[Any]
    fresh: bool
    """No statement of it has been accepted, so no separator can follow."""
    fields: bool
    """Its statements are fields, which commas separate too."""
    parentheses: int = 0


@dataclass(slots=True)
class _Machine:
    lexemes: list[Lexeme]
    report: ParseReport
    parser: Parser = field(default_factory=Parser)
    frames: list[_Frame] = field(default_factory=list)
    partners: dict[int, int] | None = None
    last_error: int = -1

    def run(self) -> tuple[Item, ...] | None:
        parser, lexemes, frames = self.parser, self.lexemes, self.frames
        for lexeme in lexemes[:2]:
            parser.feed(lexeme.type, lexeme)
        frames.append(self._frame(2, fresh=False, fields=False))
        place: int | None = 2
        while place is not None:
            lexeme = lexemes[place]
            kind = lexeme.type
            frame = frames[-1]
            saved = list(parser.states), list(parser.values)
            if not parser.feed(kind, lexeme):
                parser.states, parser.values = saved
                place = self._mend(place)
                continue
            if kind == "$END":
                return cast("tuple[Item, ...]", parser.values[-1])
            if kind == "SEPARATOR" or (kind == "COMMA" and frame.fields and not frame.parentheses):
                frame.states, frame.values = saved
                frame.start, frame.fresh = place + 1, False
            elif kind == "LBRACE":
                fields = frame.fields or lexemes[frame.start].type == "TARGET"
                frames.append(self._frame(place + 1, fresh=True, fields=fields))
            elif kind == "RBRACE":
                frames.pop()
            elif kind == "LPAR" or kind == "LSQB":
                frame.parentheses += 1
            elif kind == "RPAR" or kind == "RSQB":
                frame.parentheses -= 1
            place += 1
        return None

    def _frame(self, start: int, *, fresh: bool, fields: bool) -> _Frame:
        parser = self.parser
        return _Frame(start, list(parser.states), list(parser.values), fresh, fields)

    def _mend(self, error: int) -> int | None:
        """Report an error, put the parser into a state to go on from, and return where."""
        frame, lexemes = self.frames[-1], self.lexemes
        stuck = error == self.last_error
        self.last_error = error
        if self.report.full:
            return None
        if not stuck:
            place = self._place(error)
            start = lexemes[min(frame.start, error)].span.start
            message = describe(place)
            mending = repair(message)
            if not self.report.is_troubled(start, lexemes[error].span.end):
                self.report.add(message)
            if mending is not None and self._feed(Lexeme(mending.terminal, "", place.found.span)):
                if mending.terminal == "SEPARATOR":
                    frame.start = error
                return error + 1 if mending.replaces else error
        if self.partners is None:
            self.partners = pair_up(lexemes)
        end, body = end_of_statement(
            lexemes, self.partners, frame.start, error, commas=frame.fields
        )
        frame.parentheses = 0
        self._restore(frame)
        if stuck:
            # The grammar allows every frame to end and to go on behind a separator.
            return None
        if body is not None:
            head = stand_in(lexemes, frame.start, body)
            separator = () if frame.fresh else (Lexeme("SEPARATOR", "\n", lexemes[error].span),)
            if head and self._feed(*separator, *head):
                return body
            self._restore(frame)
        if frame.fresh and lexemes[end].type in ("SEPARATOR", "COMMA"):
            frame.start = end + 1
            return end + 1
        return end

    def _place(self, error: int) -> ErrorPlace:
        frame = self.frames[-1]
        return ErrorPlace(
            lexemes=self.lexemes,
            start=frame.start,
            error=error,
            accepts=self.parser.accepts(),
            parentheses=frame.parentheses > 0,
        )

    def _feed(self, *lexemes: Lexeme) -> bool:
        """Feed lexemes that are not in the text; return whether all were accepted."""
        return all(self.parser.feed(lexeme.type, lexeme) for lexeme in lexemes)

    def _restore(self, frame: _Frame) -> None:
        self.parser.states, self.parser.values = list(frame.states), list(frame.values)
