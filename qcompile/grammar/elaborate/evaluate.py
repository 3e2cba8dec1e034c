"""Expressions: one function for every form, dispatched in one place."""

from __future__ import annotations

import math
from dataclasses import replace

from qcompile.diagnostics.messages.types import Misplaced, NoValue, OutOfRange, TooDeep, WrongType
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.arithmetic import combine_operands, negate
from qcompile.grammar.elaborate.calls import call
from qcompile.grammar.elaborate.circuits import circuit_value
from qcompile.grammar.elaborate.expect import unknown_argument
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.names import look_up
from qcompile.grammar.elaborate.scalars import combine, join_types
from qcompile.grammar.elaborate.session import MAX_DEPTH
from qcompile.grammar.elaborate.slices import element, part
from qcompile.grammar.elaborate.unitaries import unitary_value
from qcompile.grammar.numbers import number_value
from qcompile.grammar.syntax import (
    Binary,
    BoolLiteral,
    Call,
    CircuitExpr,
    Conditional,
    Expr,
    Index,
    ListExpr,
    Name,
    NumberLiteral,
    PairExpr,
    RangeExpr,
    RecordExpr,
    SliceExpr,
    StringLiteral,
    Unary,
    UnitaryExpr,
)
from qcompile.ir.operands import Operand, Typed, Value, integer, real
from qcompile.ir.scalar import MAX_MAGNITUDE, Constant


def evaluate(frame: Frame, expr: Expr) -> Operand:
    """Return what an expression stands for; None once an error in it has been reported."""
    session = frame.session
    if session.depth >= MAX_DEPTH:
        frame.report(TooDeep(span=expr.span, extent="deep"))
        return None
    session.depth += 1
    try:
        return _dispatch(frame, expr)
    finally:
        session.depth -= 1


def _dispatch(frame: Frame, expr: Expr) -> Operand:
    match expr:
        case Name():
            return look_up(frame, expr)
        case NumberLiteral():
            return number(frame, expr)
        case StringLiteral(value=text, span=span):
            return Typed(type="text", scalar=Constant(value=text, span=span), span=span)
        case BoolLiteral(value=truth, span=span):
            return Typed(type="bool", scalar=Constant(value=truth, span=span), span=span)
        case Unary():
            return _unary(frame, expr)
        case Binary():
            return _binary(frame, expr)
        case Conditional():
            return _conditional(frame, expr)
        case Call():
            return call(frame, expr)
        case Index():
            return element(frame, expr)
        case SliceExpr():
            return part(frame, expr)
        case CircuitExpr():
            return circuit_value(frame, expr)
        case UnitaryExpr():
            return unitary_value(frame, expr)
        case ListExpr():
            return _misplaced(frame, "a list", expr.span)
        case PairExpr():
            return _misplaced(frame, "a pair", expr.span)
        case RangeExpr():
            return _misplaced(frame, "a range", expr.span)
        case RecordExpr():
            return _misplaced(frame, "a record", expr.span)


def _misplaced(frame: Frame, form: str, span: Span) -> Operand:
    frame.report(
        Misplaced(span=span, form=form, what="the expression", expected="a number or a value")
    )
    return None


def number(frame: Frame, literal: NumberLiteral) -> Typed | None:
    """Return a literal's value; quantities are in radians, seconds or plain fractions."""
    value = number_value(literal.text)
    if isinstance(value, float) and not math.isfinite(value):
        frame.report(NoValue(span=literal.span, reason="the number is too large"))
        return None
    if abs(value) > MAX_MAGNITUDE:
        frame.report(
            OutOfRange(span=literal.span, what="a number", bounds="at most 10^15", value=value)
        )
        return None
    if isinstance(value, int):
        return integer(value, literal.span)
    return real(value, literal.span)


def _unary(frame: Frame, expr: Unary) -> Operand:
    chain: list[Unary] = []
    inner: Expr = expr
    while isinstance(inner, Unary):
        chain.append(inner)
        inner = inner.operand
    operand = frame.evaluate(inner)
    for item in reversed(chain):
        operand = negate(frame, item.operator, operand, item.span)
    return operand


def _binary(frame: Frame, expr: Binary) -> Operand:
    # Sums of many terms lean to the left, so they are walked without recursion.
    spine: list[Binary] = []
    leftmost: Expr = expr
    while isinstance(leftmost, Binary):
        spine.append(leftmost)
        leftmost = leftmost.left
    operand = frame.evaluate(leftmost)
    for item in reversed(spine):
        operand = _step(frame, item, operand)
    return operand


def _step(frame: Frame, expr: Binary, left: Operand) -> Operand:
    if expr.operator in ("and", "or") and isinstance(left, Typed) and left.type == "bool":
        decided = left.constant
        if decided is (expr.operator == "or"):
            right = _unevaluated(frame, expr.right)
            if isinstance(right, Typed) and right.type != "bool":
                return combine(frame.session, expr.operator, (left, right), expr.span)
            return replace(left, span=expr.span)
    right = frame.evaluate(expr.right)
    return combine_operands(frame, expr.operator, left, right, expr.span)


def _unevaluated(frame: Frame, expr: Expr) -> Operand:
    """Check the types of an expression whose value is not needed."""
    before = frame.session.silent
    frame.session.silent = True
    try:
        return frame.evaluate(expr)
    finally:
        frame.session.silent = before


def _conditional(frame: Frame, expr: Conditional) -> Operand:
    condition = frame.evaluate(expr.condition)
    if condition is None:
        _unevaluated(frame, expr.yes)
        _unevaluated(frame, expr.no)
        return None
    if not isinstance(condition, Typed) or condition.type != "bool":
        frame.report(
            WrongType(
                span=expr.condition.span,
                what="a condition",
                expected="a truth value",
                found=condition.word,
            )
        )
        return None
    decided = condition.constant
    yes = frame.evaluate(expr.yes) if decided is not False else _unevaluated(frame, expr.yes)
    no = frame.evaluate(expr.no) if decided is not True else _unevaluated(frame, expr.no)
    chosen, other = (no, yes) if decided is False else (yes, no)
    if isinstance(yes, Typed) and isinstance(no, Typed) and join_types(yes.type, no.type) is None:
        frame.report(
            WrongType(
                span=expr.no.span,
                what="the other branch",
                expected=yes.word,
                found=no.word,
            )
        )
        return None
    if decided is not None:
        return chosen if chosen is None else replace(chosen, span=expr.span)
    if chosen is None or other is None:
        return None
    if isinstance(yes, Typed) and isinstance(no, Typed):
        return combine(frame.session, "if", (condition, yes, no), expr.span)
    if unknown_argument(condition):
        return replace(chosen, width=None) if isinstance(chosen, Value) else None
    frame.report(
        WrongType(
            span=expr.condition.span,
            what="a condition between values of the graph",
            expected="known without a model",
            found="one that depends on the module",
        )
    )
    return None
