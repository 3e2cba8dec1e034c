"""QA2xxx: what an adapter or a block is made of, and where an adapter is attached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Label, Severity
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPlace(Message):
    """An adapter without `attach` and without `shape`."""

    code: ClassVar[str] = "QA2171"
    title: ClassVar[str] = "adapter `{adapter}` is attached to nothing"
    label: ClassVar[str] = "neither `attach` nor `shape`"
    help: ClassVar[str | None] = (
        'add `attach "*.q_proj"` for the modules of a model, or `shape 64 -> 64` for one '
        "module of that size"
    )
    explanation: ClassVar[str] = """
    Sizes come from the modules that an adapter is attached to, or from `shape`.

    Erroneous:  adapter a() { update linear(x, to: out_features, init: zero) }
    Corrected:  adapter a() { …; update linear(x, to: out_features, init: zero) }
    """

    adapter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoPlaces(Message):
    """Both `attach` and `shape`, or two shapes."""

    code: ClassVar[str] = "QA2172"
    title: ClassVar[str] = "`{one}` cannot stand beside `{other}`"
    label: ClassVar[str] = "already placed"
    explanation: ClassVar[str] = """
    An adapter is either attached to modules of a model by any number of `attach` lines, or made
    for one size by one `shape`.

    Erroneous:  shape 64 -> 64
                attach "*.q_proj"
    Corrected:  attach "*.q_proj"
    """

    one: str
    other: str
    first: Span | None = None

    def secondary(self) -> tuple[Label, ...]:
        return () if self.first is None else (Label(self.first, "placed here"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoResult(Message):
    """A body without its result."""

    code: ClassVar[str] = "QA2173"
    title: ClassVar[str] = "{kind} `{name}` has no result"
    label: ClassVar[str] = "no {statement}"
    help: ClassVar[str | None] = "end it with {statement}"
    explanation: ClassVar[str] = """
    An adapter ends in `update e`, which is added to the module's output, in `replace e`, which
    takes its place, or in `prefix k, v`, which stand before the keys and values of an attention
    module. A block ends in `return e`.

    Erroneous:  adapter a() { attach "*.q_proj"; h = linear(x, to: 8) }
    Corrected:  adapter a() { …; update linear(x, to: out_features, init: zero) }
    """

    kind: str
    name: str
    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterResult(Message):
    """A statement behind the result."""

    code: ClassVar[str] = "QA2174"
    title: ClassVar[str] = "nothing can stand behind `{statement}`"
    label: ClassVar[str] = "never reached"
    explanation: ClassVar[str] = """
    The result is the last statement, and there is only one.

    Erroneous:  update h
                g = tanh(h)
    Corrected:  g = tanh(h)
                update g
    """

    statement: str
    first: Span | None = None

    def secondary(self) -> tuple[Label, ...]:
        return () if self.first is None else (Label(self.first, "the result"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class BadPattern(Message):
    """A malformed pattern of module names."""

    code: ClassVar[str] = "QA2175"
    title: ClassVar[str] = "malformed pattern: {reason}"
    label: ClassVar[str] = "here"
    explanation: ClassVar[str] = """
    In a pattern `*` stands for any characters, dots included, `?` for one, `[abc]` and `[a-z]`
    for one of a class, `[!a]` for one outside it, and `{a,b}` for alternatives.

    Erroneous:  attach "*.{q,v_proj"
    Corrected:  attach "*.{q,v}_proj"
    """

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternRepeated(Message):
    """A pattern that an earlier attachment already has."""

    code: ClassVar[str] = "QA2176"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "pattern `{pattern}` was attached before"
    label: ClassVar[str] = "never reached"
    help: ClassVar[str | None] = "a module takes the first attachment that matches it"
    explanation: ClassVar[str] = """
    The earlier line takes all modules that this one matches, so this one has no effect.

    Erroneous:  attach "*.q_proj"
                attach "*.q_proj" with (rank: 4)
    Corrected:  attach "*.q_proj" layers 0..8 with (rank: 4)
                attach "*.q_proj"
    """

    pattern: str
    first: Span | None = None

    def secondary(self) -> tuple[Label, ...]:
        return () if self.first is None else (Label(self.first, "attached here"),)
