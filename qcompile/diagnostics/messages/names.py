"""QA2xxx: names and how they resolve."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, did_you_mean, message
from qcompile.diagnostics.source import Span


@message("QA2001", "unknown name `{name}`", label="not defined here")
class UnknownName(Message):
    """A name must be bound before it is used: as a parameter, by `=`, by `let`, by an import, or
    as one of the predefined names, such as x, y, W, in_features, layer_index and pi. Names of one
    adapter or block are not seen by another.

    Erroneous:  h = linear(x, to: rnak)
    Corrected:  h = linear(x, to: rank)
    """

    name: str
    candidates: tuple[str, ...] = ()
    declaration: str = ""

    def helps(self) -> tuple[str, ...]:
        """How the usual parameters are declared."""
        if not self.declaration:
            return did_you_mean(self.candidates)
        return (f"declare it as a parameter: `adapter name({self.declaration}) {{ … }}`",)


@message(
    "QA2002",
    "`{name}` is defined twice",
    label="defined again",
    help="a name is assigned once; choose another name",
    first_label="first defined here",
)
class DefinedTwice(Message):
    """Every name is assigned once, so that it means the same wherever it is read. Items of a file,
    imported ones among them, share one set of names.

    Erroneous:  h = linear(x, to: 8)
                h = tanh(h)
    Corrected:  h = linear(x, to: 8)
                g = tanh(h)
    """

    name: str
    first: Span | None = None


@message(
    "QA2003",
    "`{name}` hides {what} of the same name",
    label="chosen again here",
    help="choose another name",
    first_label="the other one",
)
class Shadows(Message):
    """A parameter, a binding or a loop variable may not have the name of a `let` or of another
    name that is visible there: readers could not tell which one is meant.

    Erroneous:  let bus = 256
                adapter a(bus: int = 128) { … }
    Corrected:  let bus = 256
                adapter a(width: int = bus) { … }
    """

    name: str
    what: str
    first: Span | None = None


@message("QA2004", "`{name}` is predefined and cannot be defined again", label="predefined")
class PredefinedName(Message):
    """
    x (the input of the adapted module), y (its own output), in_features, out_features and pi have
    a fixed meaning. Only a value parameter of a block or layer may be called x or y, because
    nothing is predefined under these names there.

    Erroneous:  x = linear(x, to: 8)
    Corrected:  h = linear(x, to: 8)
    """

    name: str


@message(
    "QA2005",
    "`{name}` is used before it is defined",
    label="not defined yet",
    first_label="defined only here",
)
class UsedBeforeDefinition(Message):
    """Bindings, constants and parameters may only mention what stands above them. There are no
    cycles.

    Erroneous:  h = linear(a, to: 8)
                a = tanh(x)
    Corrected:  a = tanh(x)
                h = linear(a, to: 8)
    """

    name: str
    first: Span | None = None


@message("QA2006", "unknown function `{name}`", label="neither a function nor a block")
class UnknownFunction(Message):
    """Functions are the built-in ones (docs/language.md lists them) and the blocks of the file and
    of its imports.

    Erroneous:  h = liner(x, to: 8)
    Corrected:  h = linear(x, to: 8)
    """

    name: str
    candidates: tuple[str, ...] = ()


@message("QA2007", "unknown target `{name}`", label="no target of this name")
class UnknownTarget(Message):
    """After `on` stands the name of a target that the file defines or imports.

    Erroneous:  adapter a() on torimo { … }
                target torino { device: "fake_torino" }
    Corrected:  adapter a() on torino { … }
                target torino { device: "fake_torino" }
    """

    name: str
    candidates: tuple[str, ...] = ()


@message(
    "QA2008",
    "`{name}` is {kind}, not {wanted}",
    label="{wanted} is needed here",
    first_label="defined here",
)
class WrongKind(Message):
    """The name exists but stands for something else: a block where a value is needed, a layer that
    is called like a function, a number that is called. Blocks are called in expressions, layers
    are statements of circuits, targets stand after `on`.

    Erroneous:  h = brick(x)                   # brick is a layer
    Corrected:  h = circuit(4 qubits) { brick(); measure z }
    """

    name: str
    kind: str
    wanted: str
    first: Span | None = None


@message(
    "QA2009",
    "{kind} `{name}` uses itself: {cycle}",
    label="part of the circle",
    help=(
        "definitions are written out where they are used, so a circle would never end; "
        "use `repeat` or spell the steps out"
    ),
)
class Recursion(Message):
    """Blocks and layers are inlined. One that uses itself, directly or through others, has no
    finite meaning.

    Erroneous:  block f(v) { return f(tanh(v)) }
    Corrected:  block f(v) { return tanh(v) }
    """

    kind: str
    name: str
    cycle: str


@message(
    "QA2010",
    "`{name}` is the name of a built-in {kind}",
    label="already taken",
    help="choose another name",
)
class BuiltinName(Message):
    """Blocks may not have the name of a built-in function, nor layers that of a gate: the built-in
    one could no longer be used, or would be used by mistake.

    Erroneous:  block linear(v) { return v }
    Corrected:  block projection(v) { return v }
    """

    name: str
    kind: str


@message(
    "QA2011",
    "`{name}` is never used",
    severity="warning",
    label="not read by anything below",
    help="remove it, or use it in the result",
)
class UnusedBinding(Message):
    """The binding has no influence on the adapter's result; its tensors are not even made. Often
    the result was meant to mention it.

    Erroneous:  h = linear(x, to: 8)
                g = tanh(h)
                update linear(h, to: out_features, init: zero)
    Corrected:  h = linear(x, to: 8)
                g = tanh(h)
                update linear(g, to: out_features, init: zero)
    """

    name: str


@message(
    "QA2012",
    "parameter `{name}` of {kind} `{owner}` is never used",
    severity="warning",
    label="not read by anything",
)
class UnusedParameter(Message):
    """Setting the parameter would change nothing, which a user of `-D` or `with` will not expect.

    Erroneous:  adapter a(rank: int = 8) { …; h = linear(x, to: 4); … }
    Corrected:  adapter a(rank: int = 8) { …; h = linear(x, to: rank); … }
    """

    name: str
    kind: str
    owner: str


@message(
    "QA2013", "{kind} `{name}` is never used", severity="warning", label="not used in this file"
)
class UnusedDefinition(Message):
    """The file defines adapters, so what none of them uses has no effect. In a file without
    adapters, which is there to be imported, nothing counts as unused.

    Erroneous:  let bus = 256
                adapter a() { … }       # never mentions bus
    Corrected:  adapter a() { … }
    """

    kind: str
    name: str


@message(
    "QA2014",
    "`{name}` cannot stand in a `let`",
    label="known only where an adapter is attached",
    help="make it a parameter of the adapter with this default",
)
class ModelSizeInLet(Message):
    """A `let` is a constant of the file. The input and the sizes of the adapted module differ from
    module to module; bindings and parameters of adapters may mention them.

    Erroneous:  let rank = in_features // 512
    Corrected:  adapter a(rank: int = in_features // 512) { … }
    """

    name: str


@message(
    "QA2015",
    "there is no `{name}` here",
    label="blocks, layers and default values have none",
    help="give the block or layer a value parameter, and pass `{name}` where it is used",
)
class NoInputHere(Message):
    """`x` and `y` are the input and the output of the module that an adapter is attached to, `W`
    and `base_bias` its weight and bias. Blocks
    and layers see only what they are given, and defaults of parameters are numbers.

    Erroneous:  block f() { return tanh(x) }
    Corrected:  block f(v) { return tanh(v) }            # used as f(x)
    """

    name: str
