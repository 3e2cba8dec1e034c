"""Wires and pairs of qubits: what stands after `on`, and entangler patterns."""

from __future__ import annotations

from typing import cast

from qcompile.diagnostics.messages.types import Misplaced, ReversedRange
from qcompile.diagnostics.messages.unitary import HalfUnsuited
from qcompile.diagnostics.messages.wires import (
    BadWires,
    StepUnsuited,
    UnknownPattern,
    WireOutOfRange,
    WireRepeated,
)
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.arguments import list_items
from qcompile.grammar.elaborate.circuit_builder import CircuitBuilder
from qcompile.grammar.elaborate.expect import as_integer, whole
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.scalars import combine
from qcompile.grammar.syntax import Expr, ListExpr, Name, PairExpr, PatternClause, RangeExpr
from qcompile.ir.extensions import ExtensionError
from qcompile.ir.limits import MAX_QUBITS
from qcompile.ir.operands import Typed, integer
from qcompile.ir.patterns import PATTERNS, Half
from qcompile.ir.scalar import Scalar
from qcompile.ir.spec_circuit import (
    AllWires,
    HalfBrickwork,
    ListedPairs,
    ListedWires,
    PairPattern,
    Pairs,
    WireRange,
    Wires,
)

FORMS = "wires"


def read_wires(
    frame: Frame, builder: CircuitBuilder, expr: Expr | None
) -> tuple[Wires, Typed | None] | None:
    """Return wires and how many they are; no `on` means every wire."""
    span = builder.qubits.span if builder.qubits is not None else None
    if expr is None:
        return AllWires(), builder.qubits
    if isinstance(expr, Name) and expr.text in ("even", "odd", "all"):
        if frame.scope.find(expr.text) is None:
            return _parity(frame, builder, expr)
    match expr:
        case ListExpr():
            return _listed(frame, builder, expr)
        case RangeExpr():
            return _range(frame, builder, expr)
        case PairExpr():
            frame.report(BadWires(span=expr.span, found="a pair", wanted=FORMS))
            return None
    operand = frame.evaluate(expr)
    if operand is None:
        return None
    if not isinstance(operand, Typed) or not operand.is_number:
        frame.report(BadWires(span=expr.span, found=operand.word, wanted=FORMS))
        return None
    wire = _in_circuit(frame, builder, as_integer(frame.session, operand, "a wire", low=0))
    if wire is None:
        return None
    listed = ListedWires(wires=(wire.scalar,), span=expr.span)
    return listed, integer(1, span or expr.span)


def _parity(frame: Frame, builder: CircuitBuilder, name: Name) -> tuple[Wires, Typed | None] | None:
    n, span = builder.qubits, name.span
    if name.text == "all":
        return AllWires(), n
    if n is None:
        return AllWires(parity="even" if name.text == "even" else "odd"), None
    offset = integer(1 if name.text == "even" else 0, span)
    shifted = combine(frame.session, "+", (n, offset), span)
    count = None
    if shifted is not None:
        count = combine(frame.session, "//", (shifted, integer(2, span)), span)
    return AllWires(parity="even" if name.text == "even" else "odd"), count


def _listed(
    frame: Frame, builder: CircuitBuilder, expr: ListExpr
) -> tuple[Wires, Typed | None] | None:
    items = list_items(frame, expr, "the wires")
    if items is None:
        return None
    if not items:
        frame.report(BadWires(span=expr.span, found="an empty list", wanted=FORMS))
        return None
    found = [_wire(frame, builder, item) for item in items]
    wires = [wire for wire in found if wire is not None]
    if len(wires) < len(found) or not _distinct(frame, wires):
        return None
    listed = ListedWires(wires=tuple(wire.scalar for wire in wires), span=expr.span)
    return listed, integer(len(wires), expr.span)


def _distinct(frame: Frame, wires: list[Typed]) -> bool:
    seen: set[Scalar] = set()
    for wire in wires:
        if wire.scalar in seen and wire.constant is not None:
            frame.report(WireRepeated(span=wire.span, wire=cast(int, wire.constant)))
            return False
        seen.add(wire.scalar)
    return True


def _range(
    frame: Frame, builder: CircuitBuilder, expr: RangeExpr
) -> tuple[Wires, Typed | None] | None:
    bounds = read_range(frame, expr, "a wire")
    if bounds is None:
        return None
    start, stop = bounds
    last, n = stop.constant, builder.count
    if isinstance(last, int) and n is not None and last > n:
        frame.report(WireOutOfRange(span=expr.stop.span, wire=last - 1, qubits=n, last=n - 1))
        return None
    if start.constant is not None and start.constant == stop.constant:
        frame.report(BadWires(span=expr.span, found="an empty range", wanted=FORMS))
        return None
    count = combine(frame.session, "-", (stop, start), expr.span)
    return WireRange(start=start.scalar, stop=stop.scalar, span=expr.span), count


def read_range(frame: Frame, expr: RangeExpr, what: str) -> tuple[Typed, Typed] | None:
    """Return the bounds of a half-open range from 0."""
    start = whole(frame, expr.start, what, low=0)
    stop = whole(frame, expr.stop, what, low=0)
    if start is None or stop is None:
        return None
    first, last = start.constant, stop.constant
    if isinstance(first, int) and isinstance(last, int) and first > last:
        frame.report(ReversedRange(span=expr.span, start=first, stop=last))
        return None
    return start, stop


def _wire(frame: Frame, builder: CircuitBuilder, expr: Expr) -> Typed | None:
    return _in_circuit(frame, builder, whole(frame, expr, "a wire", low=0))


def _in_circuit(frame: Frame, builder: CircuitBuilder, wire: Typed | None) -> Typed | None:
    n = builder.count
    if wire is None or n is None or not isinstance(wire.constant, int) or wire.constant < n:
        return wire
    frame.report(WireOutOfRange(span=wire.span, wire=wire.constant, qubits=n, last=n - 1))
    return None


def read_pair(frame: Frame, builder: CircuitBuilder, expr: Expr) -> tuple[Typed, Typed] | None:
    """`(0, 1)`: two different wires."""
    if not isinstance(expr, PairExpr):
        operand = None if isinstance(expr, (ListExpr, RangeExpr)) else frame.evaluate(expr)
        form = {ListExpr: "a list", RangeExpr: "a range"}.get(type(expr))
        if form is not None or operand is not None:
            word = form or (operand.word if operand is not None else "")
            frame.report(BadWires(span=expr.span, found=word, wanted="pair of wires"))
        return None
    one, other = _wire(frame, builder, expr.first), _wire(frame, builder, expr.second)
    if one is None or other is None or not _distinct(frame, [one, other]):
        return None
    return one, other


def read_pattern(frame: Frame, builder: CircuitBuilder, clause: PatternClause) -> Pairs | None:
    """`ring reversed step 2`, or `pairs [(0, 1), (2, 3)]`."""
    kind = clause.kind.text
    step: Typed | None = None
    if clause.step is not None:
        step = whole(frame, clause.step, "the step", low=1)
        if step is None:
            return None
    try:
        row = None if kind == "pairs" else PATTERNS.get(kind)
    except ExtensionError as error:
        frame.report(error.at(clause.kind.span))
        return None
    if row is None and kind != "pairs":
        names = (*PATTERNS, "pairs")
        near = frame.session.nearest(kind, names) or names
        frame.report(UnknownPattern(span=clause.kind.span, name=kind, candidates=near))
        return None
    if clause.step is not None and not (row is not None and row.step):
        frame.report(StepUnsuited(span=clause.step.span, pattern=kind))
        return None
    if clause.half is not None and not (row is not None and row.halves):
        half = clause.half.text
        frame.report(HalfUnsuited(span=clause.half.span, half=half, pattern=kind))
        return None
    if row is None:
        return _pairs(frame, builder, clause)
    return PairPattern(
        kind=kind,
        reversed=clause.reversed,
        step=None if step is None else step.scalar,
        half=None if clause.half is None else cast(Half, clause.half.text),
        span=clause.span,
    )


def read_half(
    frame: Frame, builder: CircuitBuilder, clause: PatternClause
) -> tuple[Wires, Typed | None] | None:
    """`brickwork even` of a one-qubit gate: the qubits of its pairs, and how many they are."""
    pairs = read_pattern(frame, builder, clause)
    if not isinstance(pairs, PairPattern) or pairs.half is None:
        return None
    if pairs.kind != "brickwork":
        frame.report(HalfUnsuited(span=clause.span, half=pairs.half, pattern=pairs.kind))
        return None
    n, span = builder.count, clause.span
    count = None
    if n is not None:
        count = integer(n - n % 2 if pairs.half == "even" else (n - 1) - (n - 1) % 2, span)
    return HalfBrickwork(half=pairs.half), count


def _pairs(frame: Frame, builder: CircuitBuilder, clause: PatternClause) -> Pairs | None:
    if clause.pairs is None:
        frame.report(
            Misplaced(span=clause.span, form="nothing", what="`pairs`", expected="a list of pairs")
        )
        return None
    items = list_items(frame, clause.pairs, "`pairs`")
    if items is None:
        return None
    found = [read_pair(frame, builder, item) for item in items]
    pairs = [pair for pair in found if pair is not None]
    if len(pairs) < len(found):
        return None
    turned = [(b, a) if clause.reversed else (a, b) for a, b in pairs]
    return ListedPairs(pairs=tuple((a.scalar, b.scalar) for a, b in turned), span=clause.span)


def pair_count(builder: CircuitBuilder, pairs: Pairs) -> int:
    """About how many pairs there are, at least one."""
    n = builder.count
    if isinstance(pairs, ListedPairs):
        return len(pairs.pairs)
    if n is None:
        return 1
    row = PATTERNS.built_in.get(pairs.kind)
    if row is None or row.pairs is None or n > MAX_QUBITS:
        return max(1, n - 1)
    return max(1, len(row.on(n)))


def one_pair(frame: Frame, builder: CircuitBuilder, expr: Expr, span: Span) -> Pairs | None:
    """`on (0, 1)` as pairs."""
    pair = read_pair(frame, builder, expr)
    if pair is None:
        return None
    return ListedPairs(pairs=((pair[0].scalar, pair[1].scalar),), span=span)
