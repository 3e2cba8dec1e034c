"""Finds the most helpful thing to say about a token that cannot stand where it does."""

from __future__ import annotations

from dataclasses import dataclass

from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages import syntax as messages
from qcompile.diagnostics.nearest import nearest
from qcompile.grammar.lexeme import Lexeme
from qcompile.grammar.vocabulary import (
    COMPARISONS,
    CONTEXTUAL,
    KEYWORDS,
    OPERATORS,
    words,
)

_CONTEXTUAL_TYPES = frozenset(word.upper() for word in CONTEXTUAL)
_KEYWORD_TYPES = frozenset(word.upper() for word in KEYWORDS) | {"OPTION"}
_NAMES = _CONTEXTUAL_TYPES | {"NAME", "OPTION"}
_EXPRESSION = _NAMES | {
    "NUMBER", "STRING", "TRUE", "FALSE", "LPAR", "LSQB", "MINUS", "NOT", "CIRCUIT", "UNITARY",
}  # fmt: skip
_ITEMS = frozenset({"IMPORT", "MODEL", "LET", "BLOCK", "LAYER", "ADAPTER", "TARGET"})
_HOMES: dict[str, str] = (
    dict.fromkeys(_ITEMS, "at the top of the file")
    | dict.fromkeys(
        ("ATTACH", "SHAPE", "CONTROL", "TRAIN", "UPDATE", "REPLACE", "PREFIX"), "in an adapter"
    )
    | dict.fromkeys(("REGULARISE", "PROXIMAL"), "in `train { … }`")
    | dict.fromkeys(("ENCODE", "REPEAT", "ANGLES", "MEASURE"), "in a circuit")
    | {
        "RETURN": "in a block",
        "REQUIRE": "in an adapter or a block",
        "FOR": "in an adapter, a block or a circuit",
        "IF": "in a circuit",
    }
)


_UNDOING = ("adjoint", "inverse", "inv", "dagger")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPlace:
    """Where the parser stopped."""

    lexemes: list[Lexeme]
    start: int
    """Where the statement starts."""
    error: int
    accepts: frozenset[str]
    """Terminals that could stand here."""
    parentheses: bool
    """Whether the innermost bracket is ( or [."""

    @property
    def found(self) -> Lexeme:
        return self.lexemes[self.error]

    @property
    def before(self) -> Lexeme:
        return self.lexemes[max(self.error - 1, 0)]

    @property
    def after(self) -> Lexeme:
        return self.lexemes[min(self.error + 1, len(self.lexemes) - 1)]


def describe(place: ErrorPlace) -> Message:
    """Return the message for a token that the parser did not accept."""
    return (
        _statement_not_here(place)
        or _equals(place)
        or _colon(place)
        or _keyword(place)
        or _missing(place)
        or messages.Unexpected(
            span=place.found.span,
            expected=expected(place.accepts),
            found=_shown(place.found),
            advice=_advice(place),
        )
    )


def _advice(place: ErrorPlace) -> str:
    if place.found.type == "LBRACE" and place.accepts == {"LPAR"}:
        return f"the parameters belong here; without any, write `{place.before.text}() {{`"
    first = place.lexemes[place.start]
    if first.text in _UNDOING and "ON" in place.accepts:
        return f"what undoes a layer is `adjoint {{ {place.before.text}(…) }}`"
    near = nearest(first.text, map(str.lower, _HOMES)) if first.type == "NAME" else ()
    return f"did you mean `{near[0]}` for `{first.text}`?" if near else ""


def expected(accepts: frozenset[str]) -> str:
    """Return terminals in words: "`)` or `,`", "an expression", "a statement"."""
    left = set(accepts)
    listed: list[str] = []
    if "NUMBER" in left and "NAME" in left:
        listed.append("an expression")
        left -= _EXPRESSION
    else:
        # `if` is an operator too, so that it says nothing of what could stand here.
        if left & _HOMES.keys() - {"IF"}:
            listed.append("an item such as `adapter`" if "ADAPTER" in left else "a statement")
            left -= _HOMES.keys() | _NAMES | {"GATE"}
        if "NAME" in left:
            listed.append("a name")
            left -= _NAMES
    if "PLUS" in left:
        left -= OPERATORS | {"LSQB", "LPAR"}
    left -= {"DOT"}
    order = ("STRING", "NUMBER", "COLON", "EQUAL", "COMMA", "RPAR", "RSQB", "LBRACE")
    ranked = sorted(left, key=lambda kind: (order.index(kind) if kind in order else 99, kind))
    # What ends a statement is news only if little else could follow.
    endings = [kind for kind in ranked if kind in ("SEPARATOR", "RBRACE", "$END")]
    listed += [words(kind) for kind in ranked if kind not in endings]
    if len(listed) < 3 and endings:
        listed.append(words("SEPARATOR" if "SEPARATOR" in endings else endings[0]))
    if not listed:
        listed = [words(kind) for kind in sorted(accepts)] or ["nothing"]
    listed = listed[:6]
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} or {listed[-1]}"


def _shown(lexeme: Lexeme) -> str:
    match lexeme.type:
        case "$END":
            return "the end of the file"
        case "SEPARATOR":
            return "`;`" if lexeme.text == ";" else "the end of the line"
        case "STRING":
            return "a string"
        case "NAME":
            return f"name `{lexeme.text}`"
        case "NUMBER":
            return f"number `{lexeme.text}`"
        case _:
            return words(lexeme.type)


def _statement_not_here(place: ErrorPlace) -> Message | None:
    word = place.found.text
    if place.error != place.start or "SEPARATOR" in place.accepts or place.after.type == "EQUAL":
        return None
    kind = place.found.type
    if kind == "QA":
        return messages.MisplacedVersion(span=place.found.span)
    if kind not in _HOMES or "NUMBER" in place.accepts:
        return None
    here, advice = "here", ""
    if "ADAPTER" in place.accepts:
        here = "at the top of the file"
    elif "UPDATE" in place.accepts:
        here = "in an adapter"
    elif "RETURN" in place.accepts:
        here = "in a block"
    elif "MEASURE" in place.accepts:
        here = "in a circuit"
    elif "PROXIMAL" in place.accepts:
        here = "in `train { … }`"
    elif "REQUIRE" in place.accepts:
        here = "in a loop"
    if kind == "LET" and here in ("in an adapter", "in a block"):
        advice = "inside a body a name is bound without `let`: `name = …`"
    elif kind == "IF":
        advice = "a value is chosen by `a if condition else b`"
    elif kind in ("UPDATE", "REPLACE") and here == "in a block":
        advice = "a block ends with `return`"
    elif kind == "RETURN" and here == "in an adapter":
        advice = "an adapter ends with `update`, `replace` or `prefix`"
    return messages.StatementNotHere(
        span=place.found.span, word=word, here=here, home=_HOMES[kind], advice=advice
    )


def _equals(place: ErrorPlace) -> Message | None:
    found, before = place.found, place.before
    if found.type != "EQUAL":
        return None
    if "COLON" in place.accepts and before.type in _NAMES:
        if "RPAR" not in place.accepts:
            return messages.EqualsForColon(span=found.span, name=before.text, place="a field")
        if "PLUS" in place.accepts:
            return messages.EqualsForColon(span=found.span, name=before.text, place="an argument")
        return messages.MissingType(span=found.span, name=before.text)
    if "SAME" in place.accepts:
        return messages.EqualsForComparison(span=found.span)
    return None


def _colon(place: ErrorPlace) -> Message | None:
    if place.found.type != "COLON" or "EQUAL" not in place.accepts or place.parentheses:
        return None
    return messages.ColonForEquals(span=place.found.span, name=place.before.text)


def _keyword(place: ErrorPlace) -> Message | None:
    found = place.found
    if found.type not in _KEYWORD_TYPES or "NAME" not in place.accepts:
        return None
    if found.type in OPERATORS or found.type == "IN":
        return None
    return messages.KeywordAsName(span=found.span, word=found.text)


def _missing(place: ErrorPlace) -> Message | None:
    """Return what to say if one small thing is missing before the token."""
    found, accepts = place.found, place.accepts
    if found.type in COMPARISONS and "PLUS" in accepts:
        return messages.ChainedComparison(span=found.span)
    if {"QUBITS", "PLUS"} <= accepts and found.type in ("RPAR", "COMMA", "LBRACE"):
        return messages.MissingQubits(span=found.span)
    starts_value = found.type in _EXPRESSION - {"LPAR", "LSQB", "MINUS"}
    if place.parentheses and "COMMA" in accepts and starts_value and found.type != "NOT":
        return messages.MissingComma(span=found.span, found=_shown(found))
    if place.parentheses or "SEPARATOR" not in accepts:
        return None
    if found.type in _HOMES or found.type in _NAMES:
        return messages.MissingSeparator(span=found.span, found=_shown(found))
    return None
