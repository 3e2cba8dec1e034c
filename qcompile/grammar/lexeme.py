"""One token of a text."""

from __future__ import annotations

from dataclasses import dataclass

from qcompile.diagnostics.source import Span


@dataclass(frozen=True, slots=True)
class Lexeme:
    """A token as the parser reads it; `type` is the name of its terminal.

    NEWLINE (a line break) and SEPARATOR (a semicolon) come out of the lexer; the layout leaves
    SEPARATOR alone.
    """

    type: str
    text: str
    """As written; of a string, what it stands for."""
    span: Span

    @property
    def value(self) -> str:
        return self.text
