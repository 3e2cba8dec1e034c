"""QA2xxx: types and values of scalar expressions."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message


@message("QA2101", "{what} must be {expected}, but this is {found}", label="this is {found}")
class WrongType(Message):
    """Numbers, truth values, texts and values of the graph are different things, and none is
    converted to another except int to real.

    Erroneous:  h = linear(x, to: "8")
    Corrected:  h = linear(x, to: 8)
    """

    what: str
    expected: str
    found: str


@message("QA2102", "`{operator}` has no meaning for {operands}", label="{operands}")
class OperandTypes(Message):
    """Arithmetic is for numbers, `and`, `or`, `not` are for truth values, comparisons for two
    numbers (`==` and `!=` also for two texts or two truth values).

    Erroneous:  require rank and bond, "both"
    Corrected:  require rank > 0 and bond > 0, "both"
    """

    operator: str
    operands: str


@message(
    "QA2103",
    "{what} must be a whole number, but it is {value}",
    label="{value}",
    help="use `//`, `ceil`, `floor` or `round` to get a whole number",
)
class NotAnInteger(Message):
    """Sizes, counts and positions are whole numbers. `/` gives a whole number only where it
    divides exactly.

    Erroneous:  h = linear(x, to: 9 / 2)
    Corrected:  h = linear(x, to: 9 // 2)
    """

    what: str
    value: float


@message("QA2104", "this expression has no value: {reason}", label="{reason}")
class NoValue(Message):
    """Division by zero, the root of a negative number, a logarithm of zero, or a result beyond
    10^15.

    Erroneous:  update alpha / (rank - 8) * h         # with rank = 8
    Corrected:  update alpha / rank * h
    """

    reason: str


@message("QA2105", "{what} must be {bounds}, but it is {value}", label="{value}")
class OutOfRange(Message):
    """The number is too small or too large for its purpose; the message says which range is
    possible.

    Erroneous:  a = mpo(x, to: 256, sites: 1, bond: 8)
    Corrected:  a = mpo(x, to: 256, sites: 4, bond: 8)
    """

    what: str
    bounds: str
    value: int | float


@message("QA2106", "{what} cannot depend on {names}", label="differs from module to module")
class NeedsConstant(Message):
    """This value has to be known before any module is: it belongs to the file, to a target, to an
    initialisation or to the choice of modules.

    Erroneous:  attach "*.q_proj" layers 0..in_features
    Corrected:  attach "*.q_proj" layers 0..12
    """

    what: str
    names: str


@message("QA2107", "this expression is too {extent}", label="give parts of it a name")
class TooDeep(Message):
    """Expressions nest at most 120 levels, blocks used within blocks included, and formulas over
    model sizes have at most a thousand parts after all names are filled in.

    Erroneous:  a = tanh(tanh(tanh( … )))
    Corrected:  a = tanh(x)
                b = tanh(a)
    """

    extent: str


@message("QA2108", "{form} cannot stand here; {what} must be {expected}", label="{form}")
class Misplaced(Message):
    """Lists are for modes and bonds, pairs for couplings, ranges for `on`, `for` and `layers`,
    records for the noise of a target.

    Erroneous:  h = linear(x, to: [8])
    Corrected:  h = linear(x, to: 8)
    """

    form: str
    what: str
    expected: str


@message("QA2109", "requirement not met{message}", label="this is false")
class RequirementFailed(Message):
    """The author of the adapter stated a condition on its parameters that the given values break.

    Erroneous:  qcompile hybrid.qa -D rank=0       # the file says: require rank >= 1
    Corrected:  qcompile hybrid.qa -D rank=4
    """

    message: str


@message("QA2110", "range {start}..{stop} is empty", label="holds nothing")
class ReversedRange(Message):
    """Ranges are half-open: `a..b` holds a, a+1, …, b-1, so b must be above a.

    Erroneous:  attach "*.q_proj" layers 12..0
    Corrected:  attach "*.q_proj" layers 0..12
    """

    start: int
    stop: int


@message("QA2111", "{count} items are more than the limit of {limit}", label="too long")
class TooManyItems(Message):
    """Modes, bonds, pairs, wires and Pauli strings are listed by hand; longer lists are data by
    mistake.

    Erroneous:  measure "Z0", "Z1", …
    Corrected:  measure z
    """

    count: int
    limit: int
