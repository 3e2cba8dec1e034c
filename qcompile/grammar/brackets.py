"""Pairs the brackets of a text, mends them where they do not pair, and bounds the nesting."""

from __future__ import annotations

from dataclasses import dataclass, field

from qcompile.diagnostics.messages import syntax as messages
from qcompile.diagnostics.source import Span
from qcompile.grammar import limits
from qcompile.grammar.lexeme import Lexeme
from qcompile.grammar.report import ParseReport
from qcompile.grammar.vocabulary import CLOSERS, OPENERS, OPERATORS, SIGNS

_SIGN_OF = {name: sign for sign, name in SIGNS.items()}
_OPENER_OF = {closer: opener for opener, closer in OPENERS.items()}
_ENDS_OPERAND = frozenset({"NAME", "NUMBER", "STRING", "RPAR", "RSQB", "TRUE", "FALSE"})
_STARTS_OPERAND = frozenset({"NAME", "NUMBER", "STRING", "TRUE", "FALSE", "CIRCUIT", "UNITARY"})
_STATEMENTS = frozenset(
    [
        "ATTACH",
        "SHAPE",
        "REQUIRE",
        "UPDATE",
        "REPLACE",
        "RETURN",
        "REPEAT",
        "FOR",
        "ENCODE",
        "ANGLES",
        "MEASURE",
        "LET",
    ]
)
_ITEMS = frozenset({"IMPORT", "MODEL", "BLOCK", "LAYER", "ADAPTER", "TARGET"})


@dataclass(slots=True)
class _Open:
    lexeme: Lexeme
    indent: int
    resume: int | None = None
    """Where, in the output, a line starts that does not continue this parenthesis."""
    suspect: tuple[_Open, Lexeme] | None = None
    """A brace inside, with the closer that was taken for its own but stands further left."""


@dataclass(slots=True)
class _Pairing:
    report: ParseReport
    output: list[Lexeme] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)


def pair_brackets(lexemes: list[Lexeme], report: ParseReport) -> list[Lexeme] | None:
    """Return the lexemes with every bracket paired, and report those that were not.

    None if there are too many inside each other.
    """
    pairing = _Pairing(report)
    output, stack = pairing.output, pairing.stack
    previous: Lexeme | None = None
    indent, fresh = 0, True
    for index, lexeme in enumerate(lexemes):
        kind = lexeme.type
        if kind == "NEWLINE":
            output.append(lexeme)
            fresh = True
            continue
        if fresh:
            indent = lexeme.span.start - _line_start(lexeme)
            _new_line(pairing, lexemes, index, previous, indent)
            fresh = False
        if kind in OPENERS:
            if kind == "LBRACE" and stack and stack[-1].lexeme.type != "LBRACE":
                after_call = previous is not None and previous.type == "RPAR"
                while not after_call and stack and stack[-1].lexeme.type != "LBRACE":
                    _close_missing(pairing, len(output))
            stack.append(_Open(lexeme, indent))
            if len(stack) > limits.NESTING:
                report.add(messages.NestedTooDeep(span=lexeme.span, limit=limits.NESTING))
                return None
        elif kind in CLOSERS and not _close(pairing, lexeme, indent):
            continue
        output.append(lexeme)
        previous = lexeme
    while stack:
        _close_missing(pairing, _trimmed(output))
    return output


def check_nesting(lexemes: list[Lexeme], report: ParseReport) -> bool:
    """Report the first place where brackets and operators are nested too deep, if there is one.

    The bound holds for the depth of the syntax tree: an operator adds a level to all of its
    expression, because a sum leans to the left.
    """
    levels, deepest, stack = 0, 0, [(0, 0, 0)]
    best = 0
    for lexeme in lexemes:
        kind = lexeme.type
        if kind in CLOSERS:
            inner = 1 + max(best, levels + deepest)
            if len(stack) > 1:
                levels, deepest, best = stack.pop()
            deepest = max(deepest, inner)
        elif kind in OPENERS:
            levels += 1
            stack.append((levels, deepest, best))
            levels = deepest = best = 0
        elif kind in OPERATORS:
            levels += 1
        elif kind in ("COMMA", "SEPARATOR"):
            best = max(best, levels + deepest)
            levels = deepest = 0
        if levels + deepest > limits.NESTING:
            report.add(messages.NestedTooDeep(span=lexeme.span, limit=limits.NESTING))
            return False
    return True


def _new_line(
    pairing: _Pairing,
    lexemes: list[Lexeme],
    index: int,
    previous: Lexeme | None,
    indent: int,
) -> None:
    lexeme, stack = lexemes[index], pairing.stack
    if not stack or previous is None:
        return
    following = lexemes[index + 1] if index + 1 < len(lexemes) else lexeme
    if lexeme.type in _ITEMS and indent == 0 and following.type in ("NAME", "STRING"):
        while stack:
            _close_missing(pairing, _trimmed(pairing.output))
        return
    top = stack[-1]
    if top.lexeme.type == "LBRACE" or previous.type not in _ENDS_OPERAND:
        return
    if top.resume is None and (lexeme.type in _STARTS_OPERAND or lexeme.type in _STATEMENTS):
        top.resume = _trimmed(pairing.output)


def _close(pairing: _Pairing, closer: Lexeme, indent: int) -> bool:
    """Pair a closer; return whether it stays."""
    stack, wanted = pairing.stack, _OPENER_OF[closer.type]
    sign = _SIGN_OF[closer.type]
    if stack and stack[-1].lexeme.type == wanted:
        opened = stack.pop()
        if closer.type == "RBRACE" and stack and indent < opened.indent:
            stack[-1].suspect = (opened, closer)
        return True
    within_line = stack and closer.type != "RBRACE" and stack[-1].lexeme.type != "LBRACE"
    deeper = next(
        (place for place, it in enumerate(reversed(stack)) if it.lexeme.type == wanted), None
    )
    if closer.type != "RBRACE" and deeper is not None:
        braces = any(it.lexeme.type == "LBRACE" for it in stack[len(stack) - deeper :])
        deeper = None if braces else deeper
    if deeper is not None:
        for _ in range(deeper):
            _close_missing(pairing, _trimmed(pairing.output))
        return _close(pairing, closer, indent)
    if within_line:
        opened = stack.pop()
        expected = OPENERS[opened.lexeme.type]
        message = messages.WrongCloser(
            span=closer.span,
            opener=_SIGN_OF[opened.lexeme.type],
            closer=sign,
            expected=_SIGN_OF[expected],
            opened=opened.lexeme.span,
        )
        pairing.report.add_mended(message)
        pairing.output.append(Lexeme(expected, _SIGN_OF[expected], closer.span))
        return False
    pairing.report.add_mended(
        messages.UnmatchedCloser(span=closer.span, closer=sign, opener=_SIGN_OF[wanted])
    )
    return False


def _close_missing(pairing: _Pairing, place: int) -> None:
    """Close the innermost bracket at a place of the output, or where its line was left."""
    opened = pairing.stack.pop()
    place = place if opened.resume is None else opened.resume
    output = pairing.output
    end = output[place - 1].span.end
    closer = OPENERS[opened.lexeme.type]
    here = Span(opened.lexeme.span.source, end, end)
    output.insert(place, Lexeme(closer, _SIGN_OF[closer], here))
    blamed, shown, troubled = opened, here, here
    if opened.suspect is not None:
        blamed, taken = opened.suspect
        shown = taken.span
        troubled = blamed.lexeme.span.to(taken.span)
    message = messages.Unclosed(
        span=blamed.lexeme.span,
        opener=_SIGN_OF[blamed.lexeme.type],
        closer=_SIGN_OF[closer],
        end=shown,
    )
    pairing.report.add_mended(message, here, troubled)


def _trimmed(output: list[Lexeme]) -> int:
    """Return the length of the output without the line breaks at its end."""
    length = len(output)
    while length and output[length - 1].type == "NEWLINE":
        length -= 1
    return length


def _line_start(lexeme: Lexeme) -> int:
    return lexeme.span.source.text.rfind("\n", 0, lexeme.span.start) + 1
