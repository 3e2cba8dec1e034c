"""QA2xxx: arguments of functions, blocks, layers and encodings."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message
from qcompile.diagnostics.source import Span


@message("QA2131", "`{function}` has no option `{name}`", label="unknown option")
class UnknownArgument(Message):
    """Options are written `name: value` after the positional arguments. `docs/language.md` lists
    the options of every function.

    Erroneous:  a = mpo(x, to: 256, sites: 4, bnod: 8)
    Corrected:  a = mpo(x, to: 256, sites: 4, bond: 8)
    """

    function: str
    name: str
    candidates: tuple[str, ...] = ()


@message("QA2132", "`{function}` needs {argument}", label="{argument} is missing")
class MissingArgument(Message):
    """Arguments without a default must be given.

    Erroneous:  h = linear(x)
    Corrected:  h = linear(x, to: 8)
    """

    function: str
    argument: str


@message("QA2133", "`{function}` takes {expected}, but more were given", label="one too many")
class TooManyArguments(Message):
    """Values come first, by position; everything else is given by name.

    Erroneous:  h = linear(x, 8)
    Corrected:  h = linear(x, to: 8)
    """

    function: str
    expected: str
    options: str = ""

    def helps(self) -> tuple[str, ...]:
        return (f"give the rest by name: {self.options}",) if self.options else ()


@message("QA2134", "`{name}` is given twice", label="given again", first_label="first given here")
class ArgumentTwice(Message):
    """Every argument is given once.

    Erroneous:  h = linear(x, to: 8, to: 4)
    Corrected:  h = linear(x, to: 8)
    """

    name: str
    first: Span | None = None


@message(
    "QA2135",
    "an argument without name cannot follow a named one",
    label="move it to the front, or name it",
)
class PositionalAfterNamed(Message):
    """Positional arguments come first, so that their order is plain to see.

    Erroneous:  h = linear(to: 8, x)
    Corrected:  h = linear(x, to: 8)
    """


@message("QA2136", "`{value}` is not a possible {what}", label="unknown {what}")
class NotAChoice(Message):
    """The option takes one of a few words.

    Erroneous:  encode amplitude(h, norm: dorp)
    Corrected:  encode amplitude(h, norm: drop)
    """

    value: str
    what: str
    choices: tuple[str, ...]
    candidates: tuple[str, ...] = ()


@message(
    "QA2137", "`{one}` and `{other}` cannot both be given", label="already determined by `{other}`"
)
class OptionsExclude(Message):
    """Both options say the same thing in different ways.

    Erroneous:  a = mpo(x, to: 256, sites: 3, bond: 8, bonds: [8, 8])
    Corrected:  a = mpo(x, to: 256, sites: 3, bonds: [8, 8])
    """

    one: str
    other: str


@message("QA2138", "unknown initialisation `{name}`", label="no initialisation of this name")
class UnknownInit(Message):
    """The initialisations are zero, constant(c), normal(std, mean), uniform(low, high),
    kaiming_uniform, kaiming_normal, xavier_uniform, orthogonal and identity.

    Erroneous:  h = linear(x, to: 8, init: zeros)
    Corrected:  h = linear(x, to: 8, init: zero)
    """

    name: str
    candidates: tuple[str, ...] = ()


@message(
    "QA2139",
    "{what} cannot start as `{init}`",
    label="needs a matrix",
    help="possible are {possible}",
)
class InitUnsuited(Message):
    """kaiming, xavier, orthogonal and identity are defined for matrices; vectors and angles have
    no fan, and the cores of an MPO have no identity.

    Erroneous:  v = vector(8, init: orthogonal)
    Corrected:  v = vector(8, init: normal(0.02))
    """

    what: str
    init: str
    possible: tuple[str, ...]


@message(
    "QA2140",
    "no tensor can be read from `{path}`: {reason}",
    label="starts from a file",
)
class InitFileUnusable(Message):
    """`init: file("start.safetensors", "a")` takes a tensor of real floating-point numbers from a
    file of safetensors, `init: file("start.npy")` the one of a file of numpy. The path stands in
    quotes and is relative to the source that says it. Nothing in the file is executed; the sha256
    of the numbers is part of the build.

    Erroneous:  h = linear(x, to: 8, init: file("nowhere.safetensors", "a"))
    Corrected:  h = linear(x, to: 8, init: kaiming_uniform)
    """

    path: str
    reason: str
