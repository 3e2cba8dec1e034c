"""QA2xxx: parameters and what is given for them."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message
from qcompile.diagnostics.source import Span


@message(
    "QA2051",
    "parameter `{name}` of adapter `{adapter}` has no value",
    label="has no default",
    help="give it a default, or a value by `-D {name}=…` or `with ({name}: …)`",
)
class MissingValue(Message):
    """A parameter without a default must be given a value where the adapter is compiled.

    Erroneous:  adapter lora(rank: int) { … }
    Corrected:  adapter lora(rank: int = 8) { … }        # or: qcompile -D rank=8
    """

    name: str
    adapter: str


@message("QA2052", "no parameter `{name}`{where}", label="unknown parameter")
class UnknownParameter(Message):
    """The name given by `-D` or `with` must be that of a parameter of the adapter. With several
    adapters, `-D name=value` reaches every adapter that has the parameter, and at least one
    must.

    Erroneous:  qcompile lora.qa -D rnak=4
    Corrected:  qcompile lora.qa -D rank=4
    """

    name: str
    where: str
    candidates: tuple[str, ...] = ()


@message("QA2053", "no adapter `{name}` in this file", label="unknown adapter")
class UnknownAdapter(Message):
    """`-D adapter.name=value` sets a parameter of one adapter; the part before the dot must be the
    name of an adapter in the main file.

    Erroneous:  qcompile lora.qa -D lroa.rank=4
    Corrected:  qcompile lora.qa -D lora.rank=4
    """

    name: str
    candidates: tuple[str, ...] = ()


@message(
    "QA2054",
    "`{text}` is not a value of type {type} for parameter `{name}`",
    label="expected {expected}",
    first_label="declared here",
)
class MalformedOverride(Message):
    """Values after `-D` are literals: whole numbers for int, numbers with or without unit for
    real, true or false for bool, anything for text. They are not expressions.

    Erroneous:  qcompile lora.qa -D rank=four
    Corrected:  qcompile lora.qa -D rank=4
    """

    text: str
    name: str
    type: str
    expected: str
    first: Span | None = None


@message(
    "QA2055",
    "unknown type `{name}`",
    label="not a type",
    help="the types are int, real, bool and text; a value of the graph is a parameter without type",
)
class UnknownType(Message):
    """Parameters are whole numbers (int), numbers (real), truth values (bool) or strings (text).

    Erroneous:  adapter a(rank: integer = 8) { … }
    Corrected:  adapter a(rank: int = 8) { … }
    """

    name: str
    candidates: tuple[str, ...] = ()


@message(
    "QA2056",
    "parameter `{name}` needs a type {where}",
    label="a value parameter",
    help="write `{name}: int`, `{name}: real`, `{name}: bool` or `{name}: text`",
)
class MisplacedParameter(Message):
    """A parameter without a type stands for a value of the graph. Blocks and layers take such
    parameters first, before the typed ones; adapters take none, their input is always x.

    Erroneous:  adapter a(rank) { … }
    Corrected:  adapter a(rank: int = 8) { … }
    """

    name: str
    where: str


@message("QA2057", "{count} parameters are more than the limit of {limit}", label="one too many")
class TooManyParameters(Message):
    """Adapters and blocks have a handful of parameters. The limit keeps compilation quick.

    Erroneous:  adapter a(p0: int = 0, p1: int = 0, …, p256: int = 0) { … }
    Corrected:  adapter a(p: int = 0) { … }
    """

    count: int
    limit: int


@message(
    "QA2058",
    "adapter `{adapter}` has more than {limit} different `with` clauses",
    label="one too many",
)
class TooManyVariants(Message):
    """Every different set of parameters is elaborated and compiled by itself.

    Erroneous:  attach "*.0.*" with (rank: 1)
                …
                attach "*.99.*" with (rank: 100)
    Corrected:  attach "*.q_proj" layers 0..16 with (rank: 4)
                attach "*.q_proj" with (rank: 8)
    """

    adapter: str
    limit: int
