"""Text to syntax. Every error of the text is reported, in one run."""

from __future__ import annotations

from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages import syntax as messages
from qcompile.diagnostics.source import Source, Span
from qcompile.grammar import limits
from qcompile.grammar.brackets import check_nesting, pair_brackets
from qcompile.grammar.layout import lay_out
from qcompile.grammar.lexeme import Lexeme
from qcompile.grammar.lexer import lex
from qcompile.grammar.machine import parse_lexemes
from qcompile.grammar.report import ParseReport
from qcompile.grammar.syntax import File
from qcompile.grammar.vocabulary import VERSION


def parse(source: Source, collector: Collector) -> File | None:
    """Parse a text; None if it has errors, all of which the collector then holds.

    Nothing is raised, whatever the text.
    """
    report = ParseReport()
    file = _parse(source, report)
    for message in report.messages:
        collector.add(message)
    assert (file is None) == bool(report.messages), "a text has a syntax or errors"
    return file


def _parse(source: Source, report: ParseReport) -> File | None:
    size = len(source.text.encode("utf-8", "surrogatepass"))
    if size > limits.TEXT_BYTES:
        report.add(
            messages.TextTooLarge(span=Span(source, 0, 0), size=size, limit=limits.TEXT_BYTES)
        )
        return None
    lexed = lex(source, report)
    unknown = _unknown_version(lexed.lexemes)
    if unknown is not None:
        # What the rest of the file means is for another version to say.
        report.messages[:] = [unknown]
        return None
    if not lexed.complete:
        return None
    paired = pair_brackets(lexed.lexemes, report)
    if paired is None:
        return None
    lexemes = lay_out(paired)
    if not check_nesting(lexemes, report):
        return None
    items = parse_lexemes(_with_version(source, lexemes, report), report)
    if items is None or report.messages:
        return None
    return File(
        version=VERSION,
        items=items,
        comments=tuple(lexed.comments),
        source=source,
        span=Span(source, 0, len(source.text)),
    )


def _unknown_version(lexemes: list[Lexeme]) -> Message | None:
    """Return what to say of a file whose first statement names another version."""
    told = [it for it in lexemes if it.type not in ("NEWLINE", "SEPARATOR")][:2]
    if [it.type for it in told] != ["QA", "NUMBER"] or told[1].text == str(VERSION):
        return None
    version = told[1].text
    newer = version.isdigit() and int(version) > VERSION
    return messages.UnknownVersion(span=told[1].span, version=version, newer=newer)


def _with_version(source: Source, lexemes: list[Lexeme], report: ParseReport) -> list[Lexeme]:
    """Return the lexemes with the version supplied where it is missing, and with an end."""
    place = len(source.text.rstrip())
    end = Lexeme("$END", "", Span(source, place, place))
    if [it.type for it in lexemes[:2]] == ["QA", "NUMBER"]:
        return [*lexemes, end]
    first = lexemes[0] if lexemes else end
    report.add(messages.MissingVersion(span=first.span))
    rest = lexemes
    if first.type == "QA":
        rest = lexemes[1:]
    head = [Lexeme("QA", "qa", first.span), Lexeme("NUMBER", str(VERSION), first.span)]
    if rest and rest[0].type != "SEPARATOR":
        head.append(Lexeme("SEPARATOR", "\n", first.span))
    return [*head, *rest, end]
