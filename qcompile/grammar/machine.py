"""Runs Lark's LALR tables over the lexemes of a text, and goes on after an error."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, cast

from qcompile.diagnostics.source import Source, Span
from qcompile.grammar.builder import Builder
from qcompile.grammar.lexeme import Lexeme
from qcompile.grammar.recovery import end_of_statement, pair_up, repair, stand_in
from qcompile.grammar.report import Report
from qcompile.grammar.syntax import Item
from qcompile.grammar.unexpected import Place, describe

State = Any
"""Lark's ParserState, which takes lexemes as well as its own tokens."""


def run(lexemes: list[Lexeme], report: Report) -> tuple[Item, ...] | None:
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
    states: list[Any]
    values: list[Any]
    fresh: bool
    """No statement of it has been accepted, so no separator can follow."""
    fields: bool
    """Its statements are fields, which commas separate too."""
    parentheses: int = 0


@dataclass(slots=True)
class _Machine:
    lexemes: list[Lexeme]
    report: Report
    state: State = field(default_factory=lambda: _start())
    frames: list[_Frame] = field(default_factory=list)
    partners: dict[int, int] | None = None
    last_error: int = -1

    def run(self) -> tuple[Item, ...] | None:
        from lark.exceptions import UnexpectedToken

        state, lexemes, frames = self.state, self.lexemes, self.frames
        for lexeme in lexemes[:2]:
            state.feed_token(lexeme)
        frames.append(self._frame(2, fresh=False, fields=False))
        place: int | None = 2
        while place is not None:
            lexeme = lexemes[place]
            kind = lexeme.type
            frame = frames[-1]
            saved = list(state.state_stack), list(state.value_stack)
            try:
                result = state.feed_token(lexeme, kind == "$END")
            except UnexpectedToken:
                # The parser reduces before it finds that it cannot shift.
                state.state_stack[:], state.value_stack[:] = saved
                place = self._mend(place)
                continue
            if kind == "$END":
                return cast("tuple[Item, ...]", result)
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
        state = self.state
        return _Frame(start, list(state.state_stack), list(state.value_stack), fresh, fields)

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

    def _place(self, error: int) -> Place:
        frame = self.frames[-1]
        return Place(
            lexemes=self.lexemes,
            start=frame.start,
            error=error,
            accepts=_accepts(self.state),
            parentheses=frame.parentheses > 0,
        )

    def _feed(self, *lexemes: Lexeme) -> bool:
        """Feed lexemes that are not in the text; return whether all were accepted."""
        from lark.exceptions import UnexpectedToken

        try:
            for lexeme in lexemes:
                self.state.feed_token(lexeme)
        except UnexpectedToken:
            return False
        return True

    def _restore(self, frame: _Frame) -> None:
        self.state.state_stack[:] = frame.states
        self.state.value_stack[:] = frame.values


def _accepts(state: State) -> frozenset[str]:
    """Return the terminals that the parser would accept next."""
    from lark.exceptions import UnexpectedToken
    from lark.parsers.lalr_parser_state import ParseConf

    table = state.parse_conf
    silent = ParseConf(table.parse_table, {}, table.start)
    nowhere = Span(Source("", ""), 0, 0)
    found: set[str] = set()
    for kind in table.states[state.position]:
        if not kind.isupper():
            continue
        trial = state.copy(deepcopy_values=False)
        trial.parse_conf = silent
        try:
            trial.feed_token(Lexeme(kind, "", nowhere), kind == "$END")
        except UnexpectedToken:
            continue
        found.add(kind)
    return frozenset(found)


def _start() -> State:
    """Return a parser at the start of a text."""
    from lark.parsers.lalr_parser_state import ParserState

    state: State = ParserState(_table(), cast(Any, None))
    return state


@cache
def _table() -> Any:
    """Return the parse table with the callbacks that build the syntax."""
    from lark import Lark
    from lark.lexer import Lexer

    class NoLexer(Lexer):
        """Lexemes are fed to the parser."""

        def __init__(self, lexer_conf: Any) -> None: ...

        def lex(self, *_: Any) -> Any:
            raise NotImplementedError

    grammar = files("qcompile.grammar").joinpath("adapter.lark").read_text(encoding="utf-8")
    lark = Lark(
        grammar,
        parser="lalr",
        lexer=NoLexer,
        transformer=cast(Any, Builder()),
        keep_all_tokens=True,
        maybe_placeholders=True,
    )
    return lark.parse_interactive("").parser_state.parse_conf
