"""QA2xxx: arguments of functions, blocks, layers and encodings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Label
from qcompile.diagnostics.message import Message, did_you_mean
from qcompile.diagnostics.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownOption(Message):
    """An option that the function does not have."""

    code: ClassVar[str] = "QA2131"
    title: ClassVar[str] = "`{function}` has no option `{name}`"
    label: ClassVar[str] = "unknown option"
    explanation: ClassVar[str] = """
    Options are written `name: value` after the positional arguments. `docs/language.md` lists
    the options of every function.

    Erroneous:  a = mpo(x, to: 256, sites: 4, bnod: 8)
    Corrected:  a = mpo(x, to: 256, sites: 4, bond: 8)
    """

    function: str
    name: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingArgument(Message):
    """An argument without default that was not given."""

    code: ClassVar[str] = "QA2132"
    title: ClassVar[str] = "`{function}` needs {argument}"
    label: ClassVar[str] = "{argument} is missing"
    explanation: ClassVar[str] = """
    Arguments without a default must be given.

    Erroneous:  h = linear(x)
    Corrected:  h = linear(x, to: 8)
    """

    function: str
    argument: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyArguments(Message):
    """More positional arguments than the function takes."""

    code: ClassVar[str] = "QA2133"
    title: ClassVar[str] = "`{function}` takes {expected}, but more were given"
    label: ClassVar[str] = "one too many"
    explanation: ClassVar[str] = """
    Values come first, by position; everything else is given by name.

    Erroneous:  h = linear(x, 8)
    Corrected:  h = linear(x, to: 8)
    """

    function: str
    expected: str
    options: str = ""

    def helps(self) -> tuple[str, ...]:
        return (f"give the rest by name: {self.options}",) if self.options else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentTwice(Message):
    """One argument given twice."""

    code: ClassVar[str] = "QA2134"
    title: ClassVar[str] = "`{name}` is given twice"
    label: ClassVar[str] = "given again"
    explanation: ClassVar[str] = """
    Every argument is given once.

    Erroneous:  h = linear(x, to: 8, to: 4)
    Corrected:  h = linear(x, to: 8)
    """

    name: str
    first: Span | None = None

    def secondary(self) -> tuple[Label, ...]:
        return () if self.first is None else (Label(self.first, "first given here"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionalAfterNamed(Message):
    """An argument without name behind one with name."""

    code: ClassVar[str] = "QA2135"
    title: ClassVar[str] = "an argument without name cannot stand behind a named one"
    label: ClassVar[str] = "move it to the front, or name it"
    explanation: ClassVar[str] = """
    Positional arguments come first, so that their order is plain to see.

    Erroneous:  h = linear(to: 8, x)
    Corrected:  h = linear(x, to: 8)
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAChoice(Message):
    """A word that is none of the choices."""

    code: ClassVar[str] = "QA2136"
    title: ClassVar[str] = "`{value}` is no possible {what}"
    label: ClassVar[str] = "unknown {what}"
    explanation: ClassVar[str] = """
    The option takes one of a few words.

    Erroneous:  encode amplitude(h, norm: dorp)
    Corrected:  encode amplitude(h, norm: drop)
    """

    value: str
    what: str
    choices: tuple[str, ...]
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionsExclude(Message):
    """Two options that cannot stand together."""

    code: ClassVar[str] = "QA2137"
    title: ClassVar[str] = "`{one}` and `{other}` cannot both be given"
    label: ClassVar[str] = "already determined by `{other}`"
    explanation: ClassVar[str] = """
    Both options say the same thing in different ways.

    Erroneous:  a = mpo(x, to: 256, sites: 3, bond: 8, bonds: [8, 8])
    Corrected:  a = mpo(x, to: 256, sites: 3, bonds: [8, 8])
    """

    one: str
    other: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownInit(Message):
    """An initialisation that does not exist."""

    code: ClassVar[str] = "QA2138"
    title: ClassVar[str] = "unknown initialisation `{name}`"
    label: ClassVar[str] = "no initialisation of this name"
    explanation: ClassVar[str] = """
    The initialisations are zero, constant(c), normal(std, mean), uniform(low, high),
    kaiming_uniform, kaiming_normal, xavier_uniform, orthogonal and identity.

    Erroneous:  h = linear(x, to: 8, init: zeros)
    Corrected:  h = linear(x, to: 8, init: zero)
    """

    name: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class InitUnsuited(Message):
    """An initialisation that the tensor cannot have."""

    code: ClassVar[str] = "QA2139"
    title: ClassVar[str] = "{what} cannot start as `{init}`"
    label: ClassVar[str] = "needs a matrix"
    help: ClassVar[str | None] = "possible are {possible}"
    explanation: ClassVar[str] = """
    kaiming, xavier, orthogonal and identity are defined for matrices; vectors and angles have
    no fan, and the cores of an MPO have no identity.

    Erroneous:  v = vector(8, init: orthogonal)
    Corrected:  v = vector(8, init: normal(0.02))
    """

    what: str
    init: str
    possible: tuple[str, ...]
