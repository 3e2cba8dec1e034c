"""Operators on numbers and on values of the graph."""

from __future__ import annotations

from qcompile.diagnostics.messages.types import OperandTypes
from qcompile.diagnostics.messages.values import NoSuchOperation, WidthsDiffer
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.graph import GraphBuilder
from qcompile.grammar.elaborate.scalars import combine
from qcompile.ir.operands import BankName, Operand, Typed, Value, integer, real
from qcompile.ir.ops.arithmetic import (
    SpecPower,
    SpecProduct,
    SpecQuotient,
    SpecScale,
    SpecShift,
    SpecSum,
)
from qcompile.ir.ops.elementwise import SpecActivation


def combine_operands(
    frame: Frame, operator: str, left: Operand, right: Operand, span: Span
) -> Operand:
    """Apply a binary operator; None where an operand is missing or the operator has no meaning."""
    if left is None or right is None:
        return None
    if isinstance(left, Typed) and isinstance(right, Typed):
        return combine(frame.session, operator, (left, right), span)
    graph = frame.graph
    if graph is None or isinstance(left, BankName) or isinstance(right, BankName):
        return _none(frame, operator, left, right, span)
    match left, right:
        case Value(), Value():
            return _values(frame, graph, operator, left, right, span)
        case Value(), Typed(is_number=True):
            return _value_number(frame, graph, operator, left, right, span)
        case Typed(is_number=True), Value():
            return _number_value(frame, graph, operator, left, right, span)
    return _none(frame, operator, left, right, span)


def negate(frame: Frame, operator: str, operand: Operand, span: Span) -> Operand:
    """Apply `-` or `not`."""
    if operand is None:
        return None
    if isinstance(operand, Typed):
        return combine(frame.session, "neg" if operator == "-" else "not", (operand,), span)
    if isinstance(operand, Value) and operator == "-" and frame.graph is not None:
        return scale(frame.graph, operand, integer(-1, span), span)
    frame.report(OperandTypes(span=span, operator=operator, operands=operand.word))
    return None


def scale(graph: GraphBuilder, value: Value, factor: Typed, span: Span) -> Value | None:
    """A number times a value."""
    node = SpecScale(operand=value.node, factor=factor.scalar, span=span)
    return graph.add(node, value.width, span)


def _reciprocal(graph: GraphBuilder, value: Value, span: Span) -> Value | None:
    node = SpecActivation(operand=value.node, kind="reciprocal", span=span)
    return graph.add(node, value.width, span)


def _shift(graph: GraphBuilder, value: Value | None, offset: Typed, span: Span) -> Value | None:
    if value is None:
        return None
    node = SpecShift(operand=value.node, offset=offset.scalar, span=span)
    return graph.add(node, value.width, span)


def _values(
    frame: Frame, graph: GraphBuilder, operator: str, left: Value, right: Value, span: Span
) -> Operand:
    if operator in _COMPARISONS:
        return _compare(frame, graph, operator, left, right, span)
    if operator not in ("+", "-", "*", "/"):
        return _none(frame, operator, left, right, span)
    one, other = graph.number(left.width), graph.number(right.width)
    if one is not None and other is not None and one != other and 1 not in (one, other):
        frame.report(WidthsDiffer(span=span, left=one, right=other))
        return None
    if one == 1 or other == 1:
        width = right.width if one == 1 else left.width
    else:
        width = left.width if one is not None or right.width is None else right.width
    second: Value | None = right
    if operator == "-":
        second = scale(graph, right, integer(-1, span), span)
    if second is None:
        return None
    if operator == "/":
        quotient = SpecQuotient(operand=left.node, divisor=right.node, span=span)
        return graph.add(quotient, width, span)
    if operator == "*":
        product = SpecProduct(operands=(left.node, second.node), span=span)
        return graph.add(product, width, span)
    return graph.add(SpecSum(operands=(left.node, second.node), span=span), width, span)


_COMPARISONS = ("<", "<=", ">", ">=")


def _compare(
    frame: Frame,
    graph: GraphBuilder,
    operator: str,
    left: Value | Typed,
    right: Value | Typed,
    span: Span,
) -> Operand:
    """1 where it holds, else 0: the step of a difference, or 1 less that of the other one."""
    above, below = (left, right) if operator in (">", "<=") else (right, left)
    difference = combine_operands(frame, "-", above, below, span)
    if not isinstance(difference, Value):
        return None
    step = SpecActivation(operand=difference.node, kind="step", span=span)
    found = graph.add(step, difference.width, span)
    if found is None or operator in ("<", ">"):
        return found
    return _shift(graph, scale(graph, found, integer(-1, span), span), integer(1, span), span)


def _value_number(
    frame: Frame, graph: GraphBuilder, operator: str, left: Value, right: Typed, span: Span
) -> Operand:
    factor: Typed | None
    if operator in _COMPARISONS:
        return _compare(frame, graph, operator, left, right, span)
    match operator:
        case "+":
            return _shift(graph, left, right, span)
        case "-":
            factor = combine(frame.session, "neg", (right,), span)
            return None if factor is None else _shift(graph, left, factor, span)
        case "*":
            return scale(graph, left, right, span)
        case "/":
            factor = combine(frame.session, "/", (real(1.0, span), right), span)
            return None if factor is None else scale(graph, left, factor, span)
        case "**":
            power = SpecPower(operand=left.node, exponent=right.scalar, span=span)
            return graph.add(power, left.width, span)
    return _none(frame, operator, left, right, span)


def _number_value(
    frame: Frame, graph: GraphBuilder, operator: str, left: Typed, right: Value, span: Span
) -> Operand:
    if operator in _COMPARISONS:
        return _compare(frame, graph, operator, left, right, span)
    match operator:
        case "+":
            return _shift(graph, right, left, span)
        case "-":
            return _shift(graph, scale(graph, right, integer(-1, span), span), left, span)
        case "*":
            return scale(graph, right, left, span)
        case "/":
            inverse = _reciprocal(graph, right, span)
            return None if inverse is None else scale(graph, inverse, left, span)
    return _none(frame, operator, left, right, span)


def _none(
    frame: Frame,
    operator: str,
    left: Typed | Value | BankName,
    right: Typed | Value | BankName,
    span: Span,
) -> Operand:
    message = NoSuchOperation(span=span, operator=operator, left=left.word, right=right.word)
    frame.report(message)
    return None
