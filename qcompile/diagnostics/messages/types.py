"""QA2xxx: types and values of scalar expressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongType(Message):
    """An expression of another type than needed."""

    code: ClassVar[str] = "QA2101"
    title: ClassVar[str] = "{what} must be {expected}, but this is {found}"
    label: ClassVar[str] = "this is {found}"
    explanation: ClassVar[str] = """
    Numbers, truth values, texts and values of the graph are different things, and none is
    converted to another except int to real.

    Erroneous:  h = linear(x, to: "8")
    Corrected:  h = linear(x, to: 8)
    """

    what: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperandTypes(Message):
    """An operator applied to what it has no meaning for."""

    code: ClassVar[str] = "QA2102"
    title: ClassVar[str] = "`{operator}` has no meaning for {operands}"
    label: ClassVar[str] = "{operands}"
    explanation: ClassVar[str] = """
    Arithmetic is for numbers, `and`, `or`, `not` are for truth values, comparisons for two
    numbers (`==` and `!=` also for two texts or two truth values).

    Erroneous:  require rank and bond, "both"
    Corrected:  require rank > 0 and bond > 0, "both"
    """

    operator: str
    operands: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAnInteger(Message):
    """A fraction where a whole number is needed."""

    code: ClassVar[str] = "QA2103"
    title: ClassVar[str] = "{what} must be a whole number, but it is {value}"
    label: ClassVar[str] = "{value}"
    help: ClassVar[str | None] = "use `//`, `ceil`, `floor` or `round` to get a whole number"
    explanation: ClassVar[str] = """
    Sizes, counts and positions are whole numbers. `/` gives a whole number only where it
    divides exactly.

    Erroneous:  h = linear(x, to: 9 / 2)
    Corrected:  h = linear(x, to: 9 // 2)
    """

    what: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NoValue(Message):
    """An expression without a value."""

    code: ClassVar[str] = "QA2104"
    title: ClassVar[str] = "this expression has no value: {reason}"
    label: ClassVar[str] = "{reason}"
    explanation: ClassVar[str] = """
    Division by zero, the root of a negative number, a logarithm of zero, or a result beyond
    10^15.

    Erroneous:  update alpha / (rank - 8) * h         # with rank = 8
    Corrected:  update alpha / rank * h
    """

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfRange(Message):
    """A number outside the range that makes sense."""

    code: ClassVar[str] = "QA2105"
    title: ClassVar[str] = "{what} must be {bounds}, but it is {value}"
    label: ClassVar[str] = "{value}"
    explanation: ClassVar[str] = """
    The number is too small or too large for its purpose; the message says which range is
    possible.

    Erroneous:  a = mpo(x, to: 256, sites: 1, bond: 8)
    Corrected:  a = mpo(x, to: 256, sites: 4, bond: 8)
    """

    what: str
    bounds: str
    value: int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsConstant(Message):
    """A value that must not depend on the adapted module."""

    code: ClassVar[str] = "QA2106"
    title: ClassVar[str] = "{what} cannot depend on {names}"
    label: ClassVar[str] = "differs from module to module"
    explanation: ClassVar[str] = """
    This value has to be known before any module is: it belongs to the file, to a target, to an
    initialisation or to the choice of modules.

    Erroneous:  attach "*.q_proj" layers 0..in_features
    Corrected:  attach "*.q_proj" layers 0..12
    """

    what: str
    names: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TooDeep(Message):
    """An expression beyond the limits."""

    code: ClassVar[str] = "QA2107"
    title: ClassVar[str] = "this expression is too {extent}"
    label: ClassVar[str] = "give parts of it a name"
    explanation: ClassVar[str] = """
    Expressions nest at most 120 levels, blocks used within blocks included, and formulas over
    model sizes have at most a thousand parts after all names are filled in.

    Erroneous:  a = tanh(tanh(tanh( … )))
    Corrected:  a = tanh(x)
                b = tanh(a)
    """

    extent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Misplaced(Message):
    """A list, pair, range, record or circuit where none can stand."""

    code: ClassVar[str] = "QA2108"
    title: ClassVar[str] = "{form} cannot stand here; {what} must be {expected}"
    label: ClassVar[str] = "{form}"
    explanation: ClassVar[str] = """
    Lists are for modes and bonds, pairs for couplings, ranges for `on`, `for` and `layers`,
    records for the noise of a target.

    Erroneous:  h = linear(x, to: [8])
    Corrected:  h = linear(x, to: 8)
    """

    form: str
    what: str
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementFailed(Message):
    """A `require` that does not hold."""

    code: ClassVar[str] = "QA2109"
    title: ClassVar[str] = "requirement not met{message}"
    label: ClassVar[str] = "this is false"
    explanation: ClassVar[str] = """
    The author of the adapter stated a condition on its parameters that the given values break.

    Erroneous:  qcompile hybrid.qa -D rank=0       # the file says: require rank >= 1
    Corrected:  qcompile hybrid.qa -D rank=4
    """

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversedRange(Message):
    """A range that ends where it starts, or before."""

    code: ClassVar[str] = "QA2110"
    title: ClassVar[str] = "range {start}..{stop} is empty"
    label: ClassVar[str] = "holds nothing"
    explanation: ClassVar[str] = """
    Ranges are half-open: `a..b` holds a, a+1, …, b-1, so b must be above a.

    Erroneous:  attach "*.q_proj" layers 12..0
    Corrected:  attach "*.q_proj" layers 0..12
    """

    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyItems(Message):
    """A list beyond the limit."""

    code: ClassVar[str] = "QA2111"
    title: ClassVar[str] = "{count} items are more than the limit of {limit}"
    label: ClassVar[str] = "too long"
    explanation: ClassVar[str] = """
    Modes, bonds, pairs, wires and Pauli strings are listed by hand; longer lists are data by
    mistake.

    Erroneous:  measure "Z0", "Z1", …
    Corrected:  measure z
    """

    count: int
    limit: int
