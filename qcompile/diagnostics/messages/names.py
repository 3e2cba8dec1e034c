"""QA2xxx: names and how they resolve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Label, Severity
from qcompile.diagnostics.message import Message, did_you_mean
from qcompile.diagnostics.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownName(Message):
    """A name that nothing in scope has."""

    code: ClassVar[str] = "QA2001"
    title: ClassVar[str] = "unknown name `{name}`"
    label: ClassVar[str] = "not defined here"
    explanation: ClassVar[str] = """
    A name must be bound before it is used: as a parameter, by `=`, by `let`, by an import, or
    as one of the predefined names x, y, in_features, out_features and pi. Names of one adapter or
    block are not seen by another.

    Erroneous:  h = linear(x, to: rnak)
    Corrected:  h = linear(x, to: rank)
    """

    name: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedTwice(Message):
    """Two definitions of one name in one scope."""

    code: ClassVar[str] = "QA2002"
    title: ClassVar[str] = "`{name}` is defined twice"
    label: ClassVar[str] = "defined again"
    help: ClassVar[str | None] = "a name is assigned once; choose another name"
    explanation: ClassVar[str] = """
    Every name is assigned once, so that it means the same wherever it is read. Items of a file,
    imported ones among them, share one set of names.

    Erroneous:  h = linear(x, to: 8)
                h = tanh(h)
    Corrected:  h = linear(x, to: 8)
                g = tanh(h)
    """

    name: str
    first: Span | None = None

    def secondary(self) -> tuple[Label, ...]:
        return () if self.first is None else (Label(self.first, "first defined here"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadows(Message):
    """A local name that hides a name of the file or of an outer scope."""

    code: ClassVar[str] = "QA2003"
    title: ClassVar[str] = "`{name}` hides {what} of the same name"
    label: ClassVar[str] = "chosen again here"
    help: ClassVar[str | None] = "choose another name"
    explanation: ClassVar[str] = """
    A parameter, a binding or a loop variable may not have the name of a `let` or of another
    name that is visible there: readers could not tell which one is meant.

    Erroneous:  let bus = 256
                adapter a(bus: int = 128) { … }
    Corrected:  let bus = 256
                adapter a(width: int = bus) { … }
    """

    name: str
    what: str
    first: Span | None = None

    def secondary(self) -> tuple[Label, ...]:
        return () if self.first is None else (Label(self.first, "the other one"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class PredefinedName(Message):
    """A definition of a predefined name."""

    code: ClassVar[str] = "QA2004"
    title: ClassVar[str] = "`{name}` is predefined and cannot be defined again"
    label: ClassVar[str] = "predefined"
    explanation: ClassVar[str] = """
    x (the input of the adapted module), y (its own output), in_features, out_features and pi have
    a fixed meaning. Only a value parameter of a block or layer may be called x or y, because
    nothing is predefined under these names there.

    Erroneous:  x = linear(x, to: 8)
    Corrected:  h = linear(x, to: 8)
    """

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedBeforeDefinition(Message):
    """A name that is read above its definition."""

    code: ClassVar[str] = "QA2005"
    title: ClassVar[str] = "`{name}` is used before it is defined"
    label: ClassVar[str] = "not defined yet"
    explanation: ClassVar[str] = """
    Bindings, constants and parameters may only mention what stands above them. There are no
    cycles.

    Erroneous:  h = linear(a, to: 8)
                a = tanh(x)
    Corrected:  a = tanh(x)
                h = linear(a, to: 8)
    """

    name: str
    first: Span | None = None

    def secondary(self) -> tuple[Label, ...]:
        return () if self.first is None else (Label(self.first, "defined only here"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownFunction(Message):
    """A call of something that does not exist."""

    code: ClassVar[str] = "QA2006"
    title: ClassVar[str] = "unknown function `{name}`"
    label: ClassVar[str] = "neither a function nor a block"
    explanation: ClassVar[str] = """
    Functions are the built-in ones (docs/language.md lists them) and the blocks of the file and
    of its imports.

    Erroneous:  h = liner(x, to: 8)
    Corrected:  h = linear(x, to: 8)
    """

    name: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownTarget(Message):
    """`on` names no target."""

    code: ClassVar[str] = "QA2007"
    title: ClassVar[str] = "unknown target `{name}`"
    label: ClassVar[str] = "no target of this name"
    explanation: ClassVar[str] = """
    After `on` stands the name of a target that the file defines or imports.

    Erroneous:  adapter a() on torimo { … }
                target torino { device: "fake_torino" }
    Corrected:  adapter a() on torino { … }
                target torino { device: "fake_torino" }
    """

    name: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongKind(Message):
    """A name used as something it is not."""

    code: ClassVar[str] = "QA2008"
    title: ClassVar[str] = "`{name}` is {kind}, not {wanted}"
    label: ClassVar[str] = "{wanted} is needed here"
    explanation: ClassVar[str] = """
    The name exists but stands for something else: a block where a value is needed, a layer that
    is called like a function, a number that is called. Blocks are called in expressions, layers
    are statements of circuits, targets stand after `on`.

    Erroneous:  h = brick(x)                   # brick is a layer
    Corrected:  h = circuit(4 qubits) { brick(); measure z }
    """

    name: str
    kind: str
    wanted: str
    first: Span | None = None

    def secondary(self) -> tuple[Label, ...]:
        return () if self.first is None else (Label(self.first, "defined here"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recursion(Message):
    """Blocks or layers that use each other in a circle."""

    code: ClassVar[str] = "QA2009"
    title: ClassVar[str] = "{kind} `{name}` uses itself: {cycle}"
    label: ClassVar[str] = "part of the circle"
    help: ClassVar[str | None] = (
        "definitions are written out where they are used, so a circle would never end; "
        "use `repeat` or spell the steps out"
    )
    explanation: ClassVar[str] = """
    Blocks and layers are inlined. One that uses itself, directly or through others, has no
    finite meaning.

    Erroneous:  block f(v) { return f(tanh(v)) }
    Corrected:  block f(v) { return tanh(v) }
    """

    kind: str
    name: str
    cycle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltinName(Message):
    """A definition with the name of a built-in function or gate."""

    code: ClassVar[str] = "QA2010"
    title: ClassVar[str] = "`{name}` is the name of a built-in {kind}"
    label: ClassVar[str] = "already taken"
    help: ClassVar[str | None] = "choose another name"
    explanation: ClassVar[str] = """
    Blocks may not have the name of a built-in function, nor layers that of a gate: the built-in
    one could no longer be used, or would be used by mistake.

    Erroneous:  block linear(v) { return v }
    Corrected:  block projection(v) { return v }
    """

    name: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedBinding(Message):
    """A binding that nothing reads."""

    code: ClassVar[str] = "QA2011"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "`{name}` is never used"
    label: ClassVar[str] = "not read by anything below"
    help: ClassVar[str | None] = "remove it, or use it in the result"
    explanation: ClassVar[str] = """
    The binding has no influence on the adapter's result; its tensors are not even made. Often
    the result was meant to mention it.

    Erroneous:  h = linear(x, to: 8)
                g = tanh(h)
                update linear(h, to: out_features, init: zero)
    Corrected:  h = linear(x, to: 8)
                g = tanh(h)
                update linear(g, to: out_features, init: zero)
    """

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedParameter(Message):
    """A parameter that nothing reads."""

    code: ClassVar[str] = "QA2012"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "parameter `{name}` of {kind} `{owner}` is never used"
    label: ClassVar[str] = "not read by anything"
    explanation: ClassVar[str] = """
    Setting the parameter would change nothing, which a user of `-D` or `with` will not expect.

    Erroneous:  adapter a(rank: int = 8) { …; h = linear(x, to: 4); … }
    Corrected:  adapter a(rank: int = 8) { …; h = linear(x, to: rank); … }
    """

    name: str
    kind: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedDefinition(Message):
    """A block, layer or constant of the main file that nothing uses."""

    code: ClassVar[str] = "QA2013"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "{kind} `{name}` is never used"
    label: ClassVar[str] = "not used in this file"
    explanation: ClassVar[str] = """
    The file defines adapters, so what none of them uses has no effect. In a file without
    adapters, which is there to be imported, nothing counts as unused.

    Erroneous:  let bus = 256
                adapter a() { … }       # never mentions bus
    Corrected:  adapter a() { … }
    """

    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSizeInLet(Message):
    """A constant of a file that mentions the adapted module."""

    code: ClassVar[str] = "QA2014"
    title: ClassVar[str] = "`{name}` cannot stand in a `let`"
    label: ClassVar[str] = "known only where an adapter is attached"
    help: ClassVar[str | None] = "make it a parameter of the adapter with this default"
    explanation: ClassVar[str] = """
    A `let` is a constant of the file. The input and the sizes of the adapted module differ from
    module to module; bindings and parameters of adapters may mention them.

    Erroneous:  let rank = in_features // 512
    Corrected:  adapter a(rank: int = in_features // 512) { … }
    """

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoInputHere(Message):
    """`x` or `y` where there is no module."""

    code: ClassVar[str] = "QA2015"
    title: ClassVar[str] = "there is no `{name}` here"
    label: ClassVar[str] = "blocks, layers and default values have none"
    help: ClassVar[str | None] = (
        "give the block or layer a value parameter, and pass `{name}` where it is used"
    )
    explanation: ClassVar[str] = """
    `x` and `y` are the input and the output of the module that an adapter is attached to. Blocks
    and layers see only what they are given, and defaults of parameters are numbers.

    Erroneous:  block f() { return tanh(x) }
    Corrected:  block f(v) { return tanh(v) }            # used as f(x)
    """

    name: str
