"""QA2xxx: parameters and what is given for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Label
from qcompile.diagnostics.message import Message, did_you_mean
from qcompile.diagnostics.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingValue(Message):
    """A parameter without default that nobody gave a value."""

    code: ClassVar[str] = "QA2051"
    title: ClassVar[str] = "parameter `{name}` of adapter `{adapter}` has no value"
    label: ClassVar[str] = "has no default"
    help: ClassVar[str | None] = (
        "give it a default, or a value by `-D {name}=…` or `with ({name}: …)`"
    )
    explanation: ClassVar[str] = """
    A parameter without a default must be given a value where the adapter is compiled.

    Erroneous:  adapter lora(rank: int) { … }
    Corrected:  adapter lora(rank: int = 8) { … }        # or: qcompile -D rank=8
    """

    name: str
    adapter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownParameter(Message):
    """A value for a parameter that is not there."""

    code: ClassVar[str] = "QA2052"
    title: ClassVar[str] = "no parameter `{name}`{where}"
    label: ClassVar[str] = "unknown parameter"
    explanation: ClassVar[str] = """
    The name given by `-D` or `with` must be that of a parameter of the adapter. With several
    adapters, `-D name=value` reaches every adapter that has the parameter, and at least one
    must.

    Erroneous:  qcompile lora.qa -D rnak=4
    Corrected:  qcompile lora.qa -D rank=4
    """

    name: str
    where: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownAdapter(Message):
    """`-D` names no adapter."""

    code: ClassVar[str] = "QA2053"
    title: ClassVar[str] = "no adapter `{name}` in this file"
    label: ClassVar[str] = "unknown adapter"
    explanation: ClassVar[str] = """
    `-D adapter.name=value` sets a parameter of one adapter; the part before the dot must be the
    name of an adapter in the main file.

    Erroneous:  qcompile lora.qa -D lroa.rank=4
    Corrected:  qcompile lora.qa -D lora.rank=4
    """

    name: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedOverride(Message):
    """A value given by `-D` that is no literal of the parameter's type."""

    code: ClassVar[str] = "QA2054"
    title: ClassVar[str] = "`{text}` is no value of type {type} for parameter `{name}`"
    label: ClassVar[str] = "expected {expected}"
    explanation: ClassVar[str] = """
    Values after `-D` are literals: whole numbers for int, numbers with or without unit for
    real, true or false for bool, anything for text. They are not expressions.

    Erroneous:  qcompile lora.qa -D rank=four
    Corrected:  qcompile lora.qa -D rank=4
    """

    text: str
    name: str
    type: str
    expected: str
    first: Span | None = None

    def secondary(self) -> tuple[Label, ...]:
        return () if self.first is None else (Label(self.first, "declared here"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownType(Message):
    """A type that the language does not have."""

    code: ClassVar[str] = "QA2055"
    title: ClassVar[str] = "unknown type `{name}`"
    label: ClassVar[str] = "not a type"
    help: ClassVar[str | None] = (
        "the types are int, real, bool and text; a value of the graph is a parameter without type"
    )
    explanation: ClassVar[str] = """
    Parameters are whole numbers (int), numbers (real), truth values (bool) or strings (text).

    Erroneous:  adapter a(rank: integer = 8) { … }
    Corrected:  adapter a(rank: int = 8) { … }
    """

    name: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class MisplacedParameter(Message):
    """A parameter without type in the wrong place."""

    code: ClassVar[str] = "QA2056"
    title: ClassVar[str] = "parameter `{name}` needs a type {where}"
    label: ClassVar[str] = "a value parameter"
    help: ClassVar[str | None] = (
        "write `{name}: int`, `{name}: real`, `{name}: bool` or `{name}: text`"
    )
    explanation: ClassVar[str] = """
    A parameter without a type stands for a value of the graph. Blocks and layers take such
    parameters first, before the typed ones; adapters take none, their input is always x.

    Erroneous:  adapter a(rank) { … }
    Corrected:  adapter a(rank: int = 8) { … }
    """

    name: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyParameters(Message):
    """More parameters than the limit."""

    code: ClassVar[str] = "QA2057"
    title: ClassVar[str] = "{count} parameters are more than the limit of {limit}"
    label: ClassVar[str] = "one too many"
    explanation: ClassVar[str] = """
    Adapters and blocks have a handful of parameters. The limit keeps compilation quick.

    Erroneous:  adapter a(p0: int = 0, p1: int = 0, …, p256: int = 0) { … }
    Corrected:  adapter a(p: int = 0) { … }
    """

    count: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyVariants(Message):
    """More different `with` clauses than the limit."""

    code: ClassVar[str] = "QA2058"
    title: ClassVar[str] = "adapter `{adapter}` has more than {limit} different `with` clauses"
    label: ClassVar[str] = "one too many"
    explanation: ClassVar[str] = """
    Every different set of parameters is elaborated and compiled by itself.

    Erroneous:  attach "*.0.*" with (rank: 1)
                …
                attach "*.99.*" with (rank: 100)
    Corrected:  attach "*.q_proj" layers 0..16 with (rank: 4)
                attach "*.q_proj" with (rank: 8)
    """

    adapter: str
    limit: int
