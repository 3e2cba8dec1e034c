"""Reads and prints pipelines: `light-cone,find-paths{repeats=8}`."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.planning import (
    BadPassOption,
    BadPipeline,
    PassOutOfOrder,
    UnknownPass,
    UnknownPassOption,
)
from qcompile.diagnostics.nearest import nearest
from qcompile.ir.extensions import ExtensionError
from qcompile.passes.base import CircuitPass, DevicePass, Pass, PlanPass
from qcompile.passes.registry import PASSES

LONGEST = 10_000
"""Characters of a pipeline."""

LEVELS = ("program", "circuits of a device", "plan")
"""In the order in which passes work on them."""

_TOKEN = re.compile(r"\s*(?:([A-Za-z0-9_.+-]+)|([{},=]))")


def format_passes(passes: tuple[Pass, ...]) -> str:
    """The text that `parse_passes` reads back; options at their defaults are left out."""
    return ",".join(_format_pass(step) for step in passes)


def parse_passes(text: str) -> tuple[Pass, ...]:
    """The passes that `text` names.

    Raises:
        UsageError: QA4001 to QA4005, all of them at once.
    """
    collector = Collector()
    passes: list[Pass] = []
    try:
        for name, options in _items(text):
            step = _build(name, options, collector)
            if step is not None:
                passes.append(step)
    except _Malformed as error:
        collector.add(BadPipeline(position=error.position + 1, reason=error.reason))
    check_order(tuple(passes), collector)
    collector.raise_if_errors(UsageError)
    return tuple(passes)


def check_order(passes: tuple[Pass, ...], collector: Collector) -> None:
    """Report passes that follow one on a later level."""
    latest: Pass | None = None
    for step in passes:
        if latest is None or rank_of(step) >= rank_of(latest):
            latest = step
        else:
            level = LEVELS[rank_of(step)]
            if isinstance(step, CircuitPass):
                level = "circuits"
            collector.add(PassOutOfOrder(name=step.name, after=latest.name, level=level))


def rank_of(step: Pass) -> int:
    """The position of its level in `LEVELS`."""
    match step:
        case PlanPass():
            return 2
        case DevicePass():
            return 1
        case _:
            return 0


class _Malformed(Exception):
    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position
        self.reason = reason


def _format_pass(step: Pass) -> str:
    options = [
        format_option(field.name, value)
        for field in _fields(type(step))
        if (value := getattr(step, field.name)) != field.default
    ]
    return f"{step.name}{{{','.join(options)}}}" if options else step.name


def _fields(kind: type[Pass]) -> tuple[Field[Any], ...]:
    return fields(kind) if is_dataclass(kind) else ()


def format_option(field: str, value: object) -> str:
    """An option as a pipeline writes it, such as `keep-diagonal=true`."""
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{_option_name(field)}={shown}"


def _option_name(field: str) -> str:
    return field.replace("_", "-")


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    position: int

    @property
    def is_word(self) -> bool:
        return self.text not in "{},=" or not self.text


def _tokens(text: str) -> Iterator[_Token]:
    if len(text) > LONGEST:
        raise _Malformed(LONGEST, f"it is longer than {LONGEST} characters")
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            raise _Malformed(start, f"`{text[start]}` cannot stand here")
        yield _Token(match.group().strip(), match.end() - len(match.group().strip()))
        position = match.end()


def _items(text: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    tokens = list(_tokens(text))
    end = _Token("", len(text))
    at = 0

    def take(wanted: str) -> _Token:
        nonlocal at
        token = tokens[at] if at < len(tokens) else end
        fits = token.text and (
            token.is_word if wanted == "a name" else token.text in wanted.split()
        )
        if not fits:
            found = f"`{token.text}`" if token.text else "the end"
            names = " or ".join(f"`{choice}`" for choice in wanted.split())
            expected = wanted if wanted == "a name" else names
            raise _Malformed(token.position, f"expected {expected}, found {found}")
        at += 1
        return token

    while at < len(tokens):
        name = take("a name")
        options: list[tuple[str, str]] = []
        if at < len(tokens) and tokens[at].text == "{":
            take("{")
            while True:
                option = take("a name")
                take("=")
                if any(option.text == earlier for earlier, _ in options):
                    raise _Malformed(option.position, f"`{option.text}` is given twice")
                options.append((option.text, take("a name").text))
                if take(", }").text == "}":
                    break
        yield name.text, options
        if at < len(tokens):
            take(",")
            if at == len(tokens):
                take("a name")


def _build(name: str, options: list[tuple[str, str]], collector: Collector) -> Pass | None:
    try:
        kind = PASSES.get(name)
    except ExtensionError as error:
        collector.add(error.message)
        return None
    if kind is None:
        known = tuple(PASSES)
        collector.add(UnknownPass(name=name, candidates=nearest(name, known), known=known))
        return None
    hints = get_type_hints(kind)
    known_options = {_option_name(field.name): field.name for field in _fields(kind)}
    values: dict[str, object] = {}
    good = True
    for option, text in options:
        if option not in known_options:
            message = UnknownPassOption(
                name=name,
                option=option,
                candidates=nearest(option, known_options),
                known=tuple(known_options),
            )
            collector.add(message)
            good = False
            continue
        expected, value = _value(text, hints[known_options[option]])
        if value is MISSING:
            collector.add(BadPassOption(name=name, option=option, value=text, expected=expected))
            good = False
        values[known_options[option]] = value
    return kind(**values) if good else None


def _value(text: str, kind: object) -> tuple[str, object]:
    """(what is expected, the value or MISSING)."""
    if isinstance(kind, types.UnionType):
        expected: list[str] = []
        for choice in get_args(kind):
            words, value = (
                ("none", None if text == "none" else MISSING)
                if (choice is type(None))
                else _value(text, choice)
            )
            expected.append(words)
            if value is not MISSING:
                return words, value
        return " or ".join(expected), MISSING
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        return f"one of {', '.join(choices)}", text if text in choices else MISSING
    if kind is bool:
        return "true or false", {"true": True, "false": False}.get(text, MISSING)
    if kind is int:
        is_number = re.fullmatch(r"\d{1,9}", text) is not None
        return "a whole number below 10^9", int(text) if is_number else MISSING
    if kind is float:
        is_number = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text) is not None
        return "a number", float(text) if is_number and len(text) < 40 else MISSING
    return "a word", text
