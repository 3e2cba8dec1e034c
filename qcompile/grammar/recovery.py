"""Where to go on after a syntax error."""

from __future__ import annotations

from dataclasses import dataclass

from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages import syntax as messages
from qcompile.grammar.lexeme import Lexeme
from qcompile.grammar.vocabulary import CLOSERS, OPENERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """A terminal to read before the faulty token, or instead of it."""

    terminal: str
    replaces: bool


def repair(message: Message) -> Repair | None:
    """Return how to mend what a message speaks of, where that is plain."""
    match message:
        case messages.MissingSeparator():
            return Repair(terminal="SEPARATOR", replaces=False)
        case messages.MissingComma():
            return Repair(terminal="COMMA", replaces=False)
        case messages.MissingQubits():
            return Repair(terminal="QUBITS", replaces=False)
        case messages.EqualsForColon():
            return Repair(terminal="COLON", replaces=True)
        case messages.ColonForEquals():
            return Repair(terminal="EQUAL", replaces=True)
        case messages.EqualsForComparison():
            return Repair(terminal="SAME", replaces=True)
        case messages.KeywordAsName():
            return Repair(terminal="NAME", replaces=True)
        case _:
            return None


_HEADS: dict[str, str] = {
    "ADAPTER": "ADAPTER NAME LPAR RPAR",
    "BLOCK": "BLOCK NAME LPAR RPAR",
    "LAYER": "LAYER NAME LPAR RPAR",
    "TARGET": "TARGET NAME",
    "REPEAT": "REPEAT NUMBER",
    "FOR": "FOR NAME IN NUMBER RANGE NUMBER",
    "ADJOINT": "ADJOINT",
    "IF": "IF TRUE",
    "TRAIN": "TRAIN",
    "CIRCUIT": "NAME EQUAL CIRCUIT LPAR NUMBER QUBITS RPAR",
    "UNITARY": "NAME EQUAL UNITARY LPAR RPAR",
    "NAME": "NAME COLON",
}


def pair_up(lexemes: list[Lexeme]) -> dict[int, int]:
    """Return for the place of each opening bracket the place of its partner; all pair."""
    partners: dict[int, int] = {}
    stack: list[int] = []
    for place, lexeme in enumerate(lexemes):
        if lexeme.type in OPENERS:
            stack.append(place)
        elif lexeme.type in CLOSERS:
            partners[stack.pop()] = place
    return partners


def end_of_statement(
    lexemes: list[Lexeme], partners: dict[int, int], start: int, error: int, *, commas: bool
) -> tuple[int, int | None]:
    """Return where the statement ends, and where its first body opens behind the error.

    It ends at a separator, at the closer of the block around it, or at the end of the text; within
    fields a comma separates too.
    """
    body: int | None = None
    place = start
    while place < len(lexemes):
        kind = lexemes[place].type
        ends = kind in CLOSERS or kind in ("SEPARATOR", "$END") or (commas and kind == "COMMA")
        if ends and place >= error:
            break
        if kind == "LBRACE" and place >= error and body is None:
            body = place
        place = partners.get(place, place) + 1
    return min(place, len(lexemes) - 1), body


def stand_in(lexemes: list[Lexeme], start: int, body: int) -> tuple[Lexeme, ...]:
    """Return a correct head for the body of a statement whose own head is faulty, if it has one."""
    kind = lexemes[start].type
    for lexeme in lexemes[start:body]:
        if lexeme.type in ("CIRCUIT", "UNITARY"):
            kind = lexeme.type
    span = lexemes[body].span
    words = {"NAME": "x", "NUMBER": "0"}
    return tuple(Lexeme(name, words.get(name, ""), span) for name in _HEADS.get(kind, "").split())
