"""Decides which line breaks end a statement."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from qcompile.grammar.lexeme import Lexeme
from qcompile.grammar.vocabulary import (
    CLOSERS,
    CONTINUED_AFTER,
    CONTINUED_BEFORE,
    ITEM_WORDS,
    OPENERS,
    OPTIONS,
)


def lay_out(lexemes: list[Lexeme]) -> list[Lexeme]:
    """Return the lexemes with one SEPARATOR between statements and no NEWLINE.

    The brackets pair. A line break means nothing inside ( ) and [ ], nor where the line before or
    the line after shows that the statement goes on. Semicolons separate wherever they stand, but
    repeated ones count once, as do those after `{` and before `}`. A keyword that names an option
    becomes an OPTION where a colon follows it, and a word of items a terminal of its own where one
    starts. A line that starts with `if` is a statement where a
    body follows the condition, and goes on with the line before where `else` does.
    """
    output: list[Lexeme] = []
    stack: list[str] = []
    pending: Lexeme | None = None
    for place, lexeme in enumerate(lexemes):
        kind = lexeme.type
        if kind == "NEWLINE":
            if pending is None and not (stack and stack[-1] != "LBRACE"):
                pending = lexeme
            continue
        if kind == "SEPARATOR":
            if pending is None or pending.type == "NEWLINE":
                pending = lexeme
            continue
        if pending is not None:
            before = output[-1].type if output else "LBRACE"
            if _separates(pending, before, kind) or (
                kind == "IF" and before not in CONTINUED_AFTER and _has_body(lexemes, place)
            ):
                output.append(Lexeme("SEPARATOR", pending.text, pending.span))
            pending = None
        if kind in OPENERS:
            stack.append(kind)
        elif kind in CLOSERS:
            stack.pop()
        if (
            kind == "COLON"
            and output
            and output[-1].type.lower() in OPTIONS
            and stack[-1:] == ["LPAR"]
        ):
            output[-1] = replace(output[-1], type="OPTION")
        if not stack and lexeme.text in ITEM_WORDS and output and output[-1].type == "SEPARATOR":
            lexeme = replace(lexeme, type=lexeme.text.upper())
        output.append(lexeme)
    return output


def _has_body(lexemes: list[Lexeme], place: int) -> bool:
    """Whether the `if` at that place is a statement, `if c { … }`, and not part of `a if c else b`.

    What decides is the first `{`, `else` or other `if` outside brackets on its line, bodies of
    circuits in the condition aside.
    """
    depth, circuits, before, ended = 0, 0, "IF", False
    for lexeme in islice(lexemes, place + 1, None):
        kind = lexeme.type
        if kind == "NEWLINE":
            ended = depth == 0
            continue
        if depth == 0:
            if ended and before not in CONTINUED_AFTER and kind not in CONTINUED_BEFORE:
                return False
            circuits += kind in ("CIRCUIT", "UNITARY")
            if kind == "IF" or (kind == "LBRACE" and not circuits):
                return True
            circuits -= kind == "LBRACE"
            if kind in ("ELSE", "SEPARATOR") or kind in CLOSERS:
                return False
        depth += (kind in OPENERS) - (kind in CLOSERS)
        before, ended = kind, False
    return False


def _separates(pending: Lexeme, before: str, after: str) -> bool:
    if pending.type == "SEPARATOR":
        return before != "LBRACE" and after != "RBRACE"
    return before not in CONTINUED_AFTER and after not in CONTINUED_BEFORE
