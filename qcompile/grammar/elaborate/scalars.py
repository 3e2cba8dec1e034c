"""Typed arithmetic: operators and functions of numbers, truth values and texts."""

from __future__ import annotations

from qcompile.diagnostics.messages.types import NoValue, OperandTypes, TooDeep
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.session import Session
from qcompile.ir.operands import ScalarType, Typed
from qcompile.ir.scalar import Apply, Constant, ScalarError, ScalarValue, apply

MAX_PARTS = 1_000
MAX_FORMULA_DEPTH = 150

COMPARISONS = ("<", "<=", ">", ">=")
_ROUNDING = ("ceil", "floor", "round")


def combine(
    session: Session, operator: str, arguments: tuple[Typed, ...], span: Span
) -> Typed | None:
    """Apply an operator or function, folding what is constant."""
    result = result_type(operator, arguments)
    if result is None:
        shown = {"neg": "-"}.get(operator, operator)
        session.report(
            OperandTypes(
                span=span,
                operator=shown,
                operands=" and ".join(item.word for item in arguments[:2]),
            )
        )
        return None
    constants = [item.scalar.value for item in arguments if isinstance(item.scalar, Constant)]
    if len(constants) == len(arguments):
        return _fold(session, operator, result, constants, span)
    parts = 1 + sum(item.parts for item in arguments)
    depth = 1 + max(item.depth for item in arguments)
    if parts > MAX_PARTS or depth > MAX_FORMULA_DEPTH:
        session.report(TooDeep(span=span, extent="long"))
        return None
    scalar = Apply(operator=operator, arguments=tuple(item.scalar for item in arguments), span=span)
    return Typed(type=result, scalar=scalar, span=span, parts=parts, depth=depth)


def _fold(
    session: Session, operator: str, result: ScalarType, values: list[ScalarValue], span: Span
) -> Typed | None:
    try:
        value = apply(operator, values, span)
    except ScalarError as error:
        session.report(NoValue(span=error.span or span, reason=error.reason))
        return None
    if result == "ratio":
        result = "int" if isinstance(value, int) else "real"
    if result == "real" and isinstance(value, int):
        value = float(value)
    return Typed(type=result, scalar=Constant(value=value, span=span), span=span)


def result_type(operator: str, arguments: tuple[Typed, ...]) -> ScalarType | None:
    """Return the static type of an application, None where it has none."""
    types = [item.type for item in arguments]
    numbers = all(item.is_number for item in arguments)
    match operator:
        case "and" | "or" | "not":
            return "bool" if all(kind == "bool" for kind in types) else None
        case "==" | "!=":
            return "bool" if numbers or types[0] == types[1] else None
        case _ if operator in COMPARISONS:
            return "bool" if numbers else None
        case "if":
            return join_types(types[1], types[2]) if types[0] == "bool" else None
    if not numbers:
        return None
    joined = types[0]
    for kind in types[1:]:
        joined = join_types(joined, kind) or joined
    match operator:
        case "/":
            return "real" if joined == "real" else "ratio"
        case "**":
            return "ratio" if joined == "int" else joined
        case "sqrt" | "exp" | "log" | "log2":
            return "real"
        case _ if operator in _ROUNDING:
            return "int"
    return joined


def join_types(left: ScalarType, right: ScalarType) -> ScalarType | None:
    """Return the least type that holds both, None where there is none."""
    if left == right:
        return left
    order: tuple[ScalarType, ...] = ("int", "ratio", "real")
    if left in order and right in order:
        return order[max(order.index(left), order.index(right))]
    return None
