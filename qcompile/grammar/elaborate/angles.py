"""Angles of gates: sums of numbers, of data elements and of trainable elements times numbers."""

from __future__ import annotations

from dataclasses import dataclass

from qcompile.diagnostics.messages.circuits import NotAffine, WholeValueAsAngle
from qcompile.diagnostics.messages.types import WrongType
from qcompile.diagnostics.messages.unitary import DataInUnitary
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.circuit_builder import CircuitBuilder
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.scalars import combine
from qcompile.grammar.elaborate.slices import inside, position
from qcompile.grammar.elaborate.values_in_loops import outside_loops
from qcompile.grammar.syntax import Binary, Expr, Index, Name, Unary
from qcompile.ir.operands import BankName, Operand, Typed, Value, integer, real
from qcompile.ir.spec_circuit import AffineAngle, BankElement, DataElement

Element = DataElement | BankElement


@dataclass(frozen=True, slots=True, kw_only=True)
class AngleSum:
    """constant + Σ coefficient · element, with typed numbers."""

    constant: Typed
    terms: tuple[tuple[Typed, Element], ...]


def read_angle(frame: Frame, builder: CircuitBuilder, expr: Expr) -> AffineAngle | None:
    """Return an angle in radians."""
    form = _affine(frame, builder, expr)
    if form is None:
        return None
    return AffineAngle(
        constant=form.constant.scalar,
        terms=tuple((factor.scalar, element) for factor, element in form.terms),
    )


def _affine(frame: Frame, builder: CircuitBuilder, expr: Expr) -> AngleSum | None:
    match expr:
        case Binary(operator="+" | "-" | "*" | "/"):
            return _sum_or_product(frame, builder, expr)
        case Unary(operator="-"):
            minus = integer(-1, expr.span)
            return _times(frame, _nested(frame, builder, expr.operand), minus, expr.span)
        case Index():
            return _element(frame, builder, expr)
    return _number(frame, expr, frame.evaluate(expr))


def _nested(frame: Frame, builder: CircuitBuilder, expr: Expr) -> AngleSum | None:
    """Descend, within the limit on depth that `evaluate` reports."""
    if frame.session.depth >= 100:
        return _number(frame, expr, frame.evaluate(expr))
    frame.session.depth += 1
    try:
        return _affine(frame, builder, expr)
    finally:
        frame.session.depth -= 1


def _number(frame: Frame, expr: Expr, operand: Operand) -> AngleSum | None:
    if operand is None:
        return None
    if isinstance(operand, Typed):
        if operand.is_number:
            return AngleSum(constant=operand, terms=())
        frame.report(
            WrongType(span=expr.span, what="an angle", expected="a number", found=operand.word)
        )
        return None
    name = expr.text if isinstance(expr, Name) else "value"
    frame.report(WholeValueAsAngle(span=expr.span, name=name, kind=operand.word))
    return None


def _element(frame: Frame, builder: CircuitBuilder, expr: Index) -> AngleSum | None:
    index = position(frame, expr.index)
    operand = outside_loops(frame).evaluate(expr.value)
    if operand is None or index is None:
        return None
    element: Element
    match operand:
        case BankName(position=bank, size=size):
            if not inside(frame, size, index, expr.index.span):
                return None
            builder.trainable = True
            element = BankElement(bank=bank, index=index.scalar, span=expr.span)
        case Value() if builder.orthogonal:
            frame.report(DataInUnitary(span=expr.span))
            return None
        case Value(width=width):
            if not inside(frame, width, index, expr.index.span):
                return None
            at = builder.feed(operand)
            element = DataElement(operand=at, index=index.scalar, span=expr.span)
        case _:
            frame.report(
                WrongType(
                    span=expr.value.span,
                    what="what stands before `[`",
                    expected="a value or a bank of angles",
                    found=operand.word,
                )
            )
            return None
    one = real(1.0, expr.span)
    return AngleSum(constant=real(0.0, expr.span), terms=((one, element),))


def _sum_or_product(frame: Frame, builder: CircuitBuilder, expr: Binary) -> AngleSum | None:
    spine: list[Binary] = []
    leftmost: Expr = expr
    while isinstance(leftmost, Binary) and leftmost.operator in ("+", "-", "*", "/"):
        spine.append(leftmost)
        leftmost = leftmost.left
    form = _nested(frame, builder, leftmost)
    for item in reversed(spine):
        right = _nested(frame, builder, item.right)
        form = _combined(frame, item, form, right)
    return form


def _combined(
    frame: Frame, expr: Binary, left: AngleSum | None, right: AngleSum | None
) -> AngleSum | None:
    if left is None or right is None:
        return None
    session, span = frame.session, expr.span
    match expr.operator:
        case "+":
            constant = combine(session, "+", (left.constant, right.constant), span)
            if constant is None:
                return None
            return AngleSum(constant=constant, terms=(*left.terms, *right.terms))
        case "-":
            minus = _times(frame, right, integer(-1, span), span)
            constant = combine(session, "-", (left.constant, right.constant), span)
            if minus is None or constant is None:
                return None
            return AngleSum(constant=constant, terms=(*left.terms, *minus.terms))
        case "*" if not right.terms:
            return _times(frame, left, right.constant, span)
        case "*" if not left.terms:
            return _times(frame, right, left.constant, span)
        case "/" if not right.terms:
            if not left.terms:
                quotient = combine(session, "/", (left.constant, right.constant), span)
                return None if quotient is None else AngleSum(constant=quotient, terms=())
            inverse = combine(session, "/", (real(1.0, span), right.constant), span)
            return None if inverse is None else _times(frame, left, inverse, span)
    frame.report(NotAffine(span=span))
    return None


def _times(frame: Frame, form: AngleSum | None, factor: Typed, span: Span) -> AngleSum | None:
    if form is None:
        return None
    constant = combine(frame.session, "*", (form.constant, factor), span)
    terms: list[tuple[Typed, Element]] = []
    for coefficient, element in form.terms:
        product = combine(frame.session, "*", (coefficient, factor), span)
        if product is None:
            return None
        terms.append((product, element))
    return None if constant is None else AngleSum(constant=constant, terms=tuple(terms))
