"""Scalar expressions of a Spec: numbers, or formulas over the sizes of the adapted module.

A spec is independent of any model, so a scalar may still mention `in_features`, `out_features`
or a loop variable. Lowering evaluates it for concrete sizes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from qcompile.diagnostics.source import Span

Number = int | float
ScalarValue = bool | int | float | str

MODEL_SIZES = ("in_features", "out_features")
"""Names whose values are known only once a module of a model is."""

MODULE_FACTS = ("layer_index", "num_layers", "num_heads", "num_kv_heads", "head_dim")
"""Names whose values are known once a module of a model is, where the model has them.

Which layer the module is in, from 0, of how many; the heads of its attention, those of keys and
values, and their width.
"""

MAX_MAGNITUDE = 10**15
"""Results beyond this are refused: no size of a model is near it, and huge powers would hang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """A value known at elaboration."""

    value: ScalarValue
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A value known at lowering: a model size or a loop variable."""

    name: str
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    """An operator or function of `OPERATORS` applied to scalars."""

    operator: str
    arguments: tuple[Scalar, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


Scalar = Constant | Variable | Apply


class ScalarError(ValueError):
    """A scalar has no value: division by zero, domain error, overflow, unknown variable."""

    def __init__(self, reason: str, span: Span | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.span = span


class UnknownVariable(ScalarError):
    """A variable that has no value here."""

    def __init__(self, name: str, span: Span | None) -> None:
        super().__init__(f"`{name}` has no value here", span)
        self.name = name


def _choose(condition: ScalarValue, yes: ScalarValue, no: ScalarValue) -> ScalarValue:
    return yes if condition else no


def _power(base: Number, exponent: Number) -> Number:
    if abs(exponent) > 64 or abs(base) > 10**9:
        raise OverflowError
    result: Number = base**exponent
    if isinstance(result, complex):
        raise ValueError("a negative number has no real power of a fraction")
    return result


def _divide(left: Number, right: Number) -> Number:
    """True division, an integer where it is exact, so that `2 * rank / rank` can be a size."""
    quotient = left / right
    if isinstance(left, int) and isinstance(right, int) and left % right == 0:
        return left // right
    return quotient


OPERATORS: Mapping[str, tuple[int | None, Callable[..., ScalarValue]]] = {
    "+": (2, lambda a, b: a + b),
    "-": (2, lambda a, b: a - b),
    "*": (2, lambda a, b: a * b),
    "/": (2, _divide),
    "//": (2, lambda a, b: a // b),
    "%": (2, lambda a, b: a % b),
    "**": (2, _power),
    "neg": (1, lambda a: -a),
    "==": (2, lambda a, b: a == b),
    "!=": (2, lambda a, b: a != b),
    "<": (2, lambda a, b: a < b),
    "<=": (2, lambda a, b: a <= b),
    ">": (2, lambda a, b: a > b),
    ">=": (2, lambda a, b: a >= b),
    "and": (2, lambda a, b: a and b),
    "or": (2, lambda a, b: a or b),
    "not": (1, lambda a: not a),
    "if": (3, _choose),
    "ceil": (1, lambda a: math.ceil(a)),
    "floor": (1, lambda a: math.floor(a)),
    "round": (1, lambda a: round(a)),
    "abs": (1, abs),
    "sqrt": (1, lambda a: math.sqrt(a)),
    "exp": (1, lambda a: math.exp(a)),
    "log": (1, lambda a: math.log(a)),
    "log2": (1, lambda a: math.log2(a)),
    "min": (None, lambda *values: min(values)),
    "max": (None, lambda *values: max(values)),
}
"""Operator name → (number of arguments, None: one or more; meaning). Types are checked before."""


def evaluate_scalar(scalar: Scalar, sizes: Mapping[str, ScalarValue]) -> ScalarValue:
    """Value of `scalar` where `sizes` gives the variables; branches not taken need have none.

    Raises:
        ScalarError: no value (see the class).
    """
    match scalar:
        case Constant(value=value):
            return value
        case Variable(name=name, span=span):
            if name not in sizes:
                raise UnknownVariable(name, span)
            return sizes[name]
        case Apply(operator="if", arguments=(condition, yes, no)):
            return evaluate_scalar(yes if evaluate_scalar(condition, sizes) else no, sizes)
        case Apply(operator="and" | "or" as operator, arguments=(left, right)):
            decided = evaluate_scalar(left, sizes)
            return decided if bool(decided) is (operator == "or") else evaluate_scalar(right, sizes)
        case Apply(operator=operator, arguments=arguments, span=span):
            values = [evaluate_scalar(argument, sizes) for argument in arguments]
            return apply(operator, values, span)


def apply(operator: str, values: list[ScalarValue], span: Span | None) -> ScalarValue:
    """`operator` on plain values, with every arithmetic failure turned into a `ScalarError`."""
    try:
        result = OPERATORS[operator][1](*values)
    except ZeroDivisionError:
        raise ScalarError("division by zero", span) from None
    except OverflowError:
        raise ScalarError("the result is too large", span) from None
    except ValueError as error:
        raise ScalarError(f"`{operator}` has no value here: {error}", span) from None
    if isinstance(result, (int, float)) and not isinstance(result, bool):
        if isinstance(result, float) and not math.isfinite(result):
            raise ScalarError("the result is not a finite number", span)
        if abs(result) > MAX_MAGNITUDE:
            raise ScalarError("the result is too large", span)
    return result


def fold(scalar: Scalar) -> Scalar:
    """`scalar` with all parts that need no variable evaluated; raises like `evaluate`."""
    if not isinstance(scalar, Apply):
        return scalar
    arguments = tuple(fold(argument) for argument in scalar.arguments)
    if all(isinstance(argument, Constant) for argument in arguments):
        values = [argument.value for argument in arguments if isinstance(argument, Constant)]
        return Constant(value=apply(scalar.operator, values, scalar.span), span=scalar.span)
    return Apply(operator=scalar.operator, arguments=arguments, span=scalar.span)


def substitute(scalar: Scalar, values: Mapping[str, Scalar]) -> Scalar:
    """`scalar` with variables replaced."""
    match scalar:
        case Constant():
            return scalar
        case Variable(name=name):
            return values.get(name, scalar)
        case Apply(operator=operator, arguments=arguments, span=span):
            inner = tuple(substitute(argument, values) for argument in arguments)
            return Apply(operator=operator, arguments=inner, span=span)


def variables(scalar: Scalar) -> frozenset[str]:
    """Names of the variables in `scalar`."""
    match scalar:
        case Constant():
            return frozenset()
        case Variable(name=name):
            return frozenset((name,))
        case Apply(arguments=arguments):
            return frozenset().union(*(variables(argument) for argument in arguments))
