"""Cuts a text into lexemes and comments, and says what belongs to neither."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, field

from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages import syntax as messages
from qcompile.diagnostics.nearest import nearest
from qcompile.diagnostics.source import Source, Span
from qcompile.grammar import limits, numbers, strings
from qcompile.grammar.lexeme import Lexeme
from qcompile.grammar.report import ParseReport
from qcompile.grammar.syntax import Comment
from qcompile.grammar.vocabulary import FOREIGN, RESERVED, SIGNS, terminal

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t]+|\r(?=\n))
    | (?P<newline>\n)
    | (?P<comment>\#[^\n]*)
    | (?P<name>[^\W\d]\w*)
    | (?P<range>\.\.(?!\.))
    | (?P<number>\.?[0-9][0-9_]*(?:\.[0-9][0-9_]*)?(?:[eE][+-]?[0-9]+)?\w*(?:\.(?![.\w]))?)
    | (?P<string>"(?:[^"\\\n]|\\[^\n])*(?P<closed>")?)
    | (?P<quoted>'[^'\n]*')
    | (?P<sign>!==|===|\.\.\.|->|//|\*\*|==|!=|<=|>=|<>|&&|\|\||:=|=>
        |[-()\[\]{},:=+*/%<>.!&|^…×·÷\u2212\u2013\u2014→≤≥≠¬∧∨])
    """,
    re.VERBOSE,
)

_LOOKALIKES = {
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": '"', "’": '"', "`": '"', "'": '"',
    "，": ",", "；": ";", "：": ":", "（": "(", "）": ")", "＝": "=",
}  # fmt: skip


@dataclass(slots=True)
class Lexed:
    lexemes: list[Lexeme] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    complete: bool = True
    """Whether the text was read to its end."""


def lex(source: Source, report: ParseReport) -> Lexed:
    """Cut the whole text; what cannot be read is reported and left out, or mended where clear."""
    return _Lexer(source, report).run()


class _Lexer:
    def __init__(self, source: Source, report: ParseReport) -> None:
        self._source = source
        self._messages = report
        self._lexed = Lexed()

    def run(self) -> Lexed:
        text, lexed = self._source.text, self._lexed
        match_at, append = _TOKEN.match, lexed.lexemes.append
        # Some editors put a byte order mark before the text; it says nothing.
        position = 1 if text.startswith("\ufeff") else 0
        while position < len(text):
            if self._messages.full:
                lexed.complete = False
                break
            if len(lexed.lexemes) > limits.TOKENS:
                span = self._span(position, position + 1)
                self._messages.messages[:] = [
                    messages.TooManyTokens(span=span, limit=limits.TOKENS)
                ]
                lexed.complete = False
                break
            found = match_at(text, position)
            if found is None:
                position = self._other(position)
                continue
            start, position = position, found.end()
            kind, part = found.lastgroup, found.group()
            if kind == "space":
                continue
            span = Span(self._source, start, position)
            if kind == "name":
                self._name(part, span)
            elif kind == "sign" or kind == "range":
                self._sign(part, span)
            elif kind == "newline":
                append(Lexeme("NEWLINE", part, span))
            elif kind == "number":
                self._number(part, span)
            elif kind == "comment":
                part = part.rstrip()
                lexed.comments.append(Comment(text=part, span=self._span(start, start + len(part))))
            elif kind == "quoted":
                self._single_quoted(part, span)
            else:
                self._string(part, span, closed=found["closed"] is not None)
        return lexed

    def _span(self, start: int, end: int) -> Span:
        return Span(self._source, start, end)

    def _report(self, message: Message) -> None:
        self._messages.add_mended(message)

    def _add(self, kind: str, text: str, span: Span) -> None:
        self._lexed.lexemes.append(Lexeme(kind, text, span))

    def _name(self, text: str, span: Span) -> None:
        if not text.isascii():
            self._report(messages.NameNotAscii(span=span, name=text))
        elif len(text) > limits.NAME_CHARACTERS:
            self._report(
                messages.NameTooLong(span=span, length=len(text), limit=limits.NAME_CHARACTERS)
            )
        elif text in RESERVED:
            self._report(messages.ReservedWord(span=span, word=text))
        self._add(terminal(text), text, span)

    def _sign(self, sign: str, span: Span) -> None:
        if sign in FOREIGN:
            ours = FOREIGN[sign]
            self._report(messages.ForeignOperator(span=span, sign=sign, ours=ours))
            sign = ours
        self._add(SIGNS[sign] if sign in SIGNS else terminal(sign), sign, span)

    def _number(self, text: str, span: Span) -> None:
        digits, unit = numbers.split(text)
        message: Message | None = None
        count = sum(character.isdigit() for character in digits)
        if text.startswith("."):
            whole = "0" + text
            message = messages.MalformedNumber(
                span=span, text=text, reason="no digit before the point", suggestion=whole
            )
        elif count > limits.NUMBER_DIGITS:
            message = messages.NumberTooLong(span=span, digits=count, limit=limits.NUMBER_DIGITS)
        elif not numbers.is_well_formed(digits):
            message = _malformed(text, digits, span)
        elif unit and unit not in numbers.UNITS:
            message = messages.UnknownUnit(
                span=self._span(span.end - len(unit), span.end),
                unit=unit,
                units=tuple(numbers.UNITS),
                candidates=nearest(unit, numbers.UNITS),
            )
        elif not digits.replace("_", "").isdigit() and math.isinf(float(digits.replace("_", ""))):
            message = messages.NumberOutOfRange(span=span, text=text)
        if message is not None:
            self._report(message)
            text = "0"
        self._add("NUMBER", text, span)

    def _string(self, text: str, span: Span, *, closed: bool) -> None:
        if not closed:
            visible = text.rstrip()
            self._report(
                messages.UnterminatedString(span=self._span(span.start, span.start + len(visible)))
            )
        body = text[1:-1] if closed else text[1:]
        value, unknown = strings.unescape(body)
        for offset in unknown:
            start = span.start + 1 + offset
            self._report(
                messages.UnknownEscape(
                    span=self._span(start, start + 2), escape=body[offset : offset + 2]
                )
            )
        if closed:
            for offset, character in enumerate(body):
                if self._messages.full:
                    break
                if character < " " or character == "\x7f":
                    start = span.start + 1 + offset
                    self._report(
                        messages.ControlInString(
                            span=self._span(start, start + 1), name=_character_name(character)
                        )
                    )
        self._add("STRING", value, span)

    def _single_quoted(self, text: str, span: Span) -> None:
        self._report(
            messages.UnexpectedCharacter(
                span=self._span(span.start, span.start + 1),
                character="'",
                name=_character_name("'"),
                advice="strings stand between double quotes",
            )
        )
        self._add("STRING", text[1:-1], span)

    def _other(self, position: int) -> int:
        """Report a character that starts no token; return where to go on."""
        text = self._source.text
        character = text[position]
        if character == ";":
            self._add("SEPARATOR", ";", self._span(position, position + 1))
            return position + 1
        ours = _LOOKALIKES.get(character)
        advice = f"write `{ours}`" if ours is not None else ""
        if character.isspace():
            advice = "use a plain space or a line break"
        self._report(
            messages.UnexpectedCharacter(
                span=self._span(position, position + 1),
                character=character,
                name=_character_name(character),
                advice=advice,
            )
        )
        # Of a run of the same character only the first is news.
        while position < len(text) and text[position] == character:
            position += 1
        return position


def _character_name(character: str) -> str:
    common = {"\t": "a tab", "\r": "a carriage return", "\x00": "a null character"}
    if character in common:
        return common[character]
    name = unicodedata.name(character, "")
    return name.lower() if name else f"U+{ord(character):04X}"


def _malformed(text: str, digits: str, span: Span) -> messages.MalformedNumber:
    reason, suggestion = "not a number of the language", ""
    mantissa = digits.replace("_", "")
    if text.endswith("."):
        reason, suggestion = "no digit after the point", text + "0"
    elif "__" in digits or re.search(r"_(?![0-9])|(?<![0-9])_", digits):
        reason, suggestion = "an underscore stands only between two digits", mantissa
    elif re.match(r"0[0-9]", mantissa):
        reason, suggestion = "a number has no leading zeros", text.lstrip("0_") or "0"
        if not suggestion[0].isdigit():
            suggestion = "0" + suggestion
    if suggestion and not numbers.is_well_formed(numbers.split(suggestion)[0]):
        suggestion = ""
    return messages.MalformedNumber(span=span, text=text, reason=reason, suggestion=suggestion)
