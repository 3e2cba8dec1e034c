"""Elements and slices of values."""

from __future__ import annotations

from qcompile.diagnostics.messages.types import OutOfRange, WrongType
from qcompile.diagnostics.messages.values import EmptySlice, IndexOutOfRange
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.expect import whole
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.scalars import combine
from qcompile.grammar.syntax import Expr, Index, SliceExpr
from qcompile.ir.operands import Operand, Typed, Value, integer
from qcompile.ir.ops.widths import SpecSlice


def element(frame: Frame, expr: Index) -> Value | None:
    """`v[i]`: a value of width 1."""
    value = _sliceable(frame, frame.evaluate(expr.value))
    index = position(frame, expr.index)
    if value is None or index is None or frame.graph is None:
        return None
    if not inside(frame, value.width, index, expr.index.span):
        return None
    stop = combine(frame.session, "+", (index, integer(1, expr.span)), expr.span)
    if stop is None:
        return None
    node = SpecSlice(operand=value.node, start=index.scalar, stop=stop.scalar, span=expr.span)
    return frame.graph.add(node, integer(1, expr.span), expr.span)


def part(frame: Frame, expr: SliceExpr) -> Value | None:
    """`v[a:b]`: the elements a to b - 1."""
    value = _sliceable(frame, frame.evaluate(expr.value))
    start = integer(0, expr.span) if expr.start is None else position(frame, expr.start)
    stop = None if expr.stop is None else position(frame, expr.stop)
    if value is None or start is None or frame.graph is None:
        return None
    if expr.stop is not None and stop is None:
        return None
    end = value.width if stop is None else stop
    first, last = frame.graph.number(start), frame.graph.number(end)
    total = frame.graph.number(value.width)
    if total is not None and stop is not None and last is not None and last > total:
        place = stop.span
        frame.report(IndexOutOfRange(span=place, what=f"element {last - 1}", width=total))
        return None
    if first is not None and last is not None and first >= last:
        frame.report(EmptySlice(span=expr.span, start=first, stop=last))
        return None
    node = SpecSlice(
        operand=value.node,
        start=None if expr.start is None else start.scalar,
        stop=None if stop is None else stop.scalar,
        span=expr.span,
    )
    width = None if end is None else combine(frame.session, "-", (end, start), expr.span)
    return frame.graph.add(node, width, expr.span)


def position(frame: Frame, expr: Expr) -> Typed | None:
    """An index: a whole number from 0."""
    return whole(frame, expr, "an index", low=0)


def inside(frame: Frame, width: Typed | None, index: Typed, span: Span) -> bool:
    """Whether an element may lie in a value; what is known to lie outside is reported."""
    if frame.graph is None:
        return True
    total, at = frame.graph.number(width), frame.graph.number(index)
    if at is not None and at < 0:
        frame.report(OutOfRange(span=span, what="an index", bounds="at least 0", value=at))
        return False
    if total is not None and at is not None and at >= total:
        frame.report(IndexOutOfRange(span=span, what=f"element {at}", width=total))
        return False
    return True


def _sliceable(frame: Frame, operand: Operand) -> Value | None:
    if operand is None or isinstance(operand, Value):
        return operand
    frame.report(
        WrongType(
            span=operand.span,
            what="what stands before `[`",
            expected="a value of the graph",
            found=operand.word,
        )
    )
    return None
