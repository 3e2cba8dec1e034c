"""`encode angle(h)`, `encode amplitude(x)`, `encode basis(h)`, `encode iqp(h)`."""

from __future__ import annotations

from dataclasses import replace

from qcompile.diagnostics.messages.circuits import (
    AmplitudeNotFirst,
    EncodingGate,
    EncodingTooWide,
    EncodingWithoutEffect,
    UnknownEncoding,
)
from qcompile.diagnostics.messages.wires import BadWires
from qcompile.grammar.elaborate.arguments import Bound, bind
from qcompile.grammar.elaborate.circuit_builder import CircuitBuilder
from qcompile.grammar.elaborate.expect import as_value
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.values_in_loops import outside_loops
from qcompile.grammar.elaborate.wires import read_wires
from qcompile.grammar.functions import ENCODINGS, can_encode
from qcompile.grammar.syntax import EncodeStatement, Name
from qcompile.ir.gates import GATES, GateName
from qcompile.ir.operands import Typed, Value, integer
from qcompile.ir.ops.elementwise import SpecActivation
from qcompile.ir.spec_circuit import (
    AllWires,
    CircuitItem,
    EncodeAmplitude,
    EncodeAngle,
    EncodeBasis,
    EncodeIqp,
    PairPattern,
    Wires,
)


def encoding(
    frame: Frame, builder: CircuitBuilder, statement: EncodeStatement, *, first: bool
) -> CircuitItem | None:
    """Elaborate one `encode`; `first` says that it opens the circuit."""
    call = statement.encoding
    function = ENCODINGS.get(call.function.text)
    if function is None:
        near = frame.session.nearest(call.function.text, ENCODINGS) or tuple(ENCODINGS)
        frame.report(
            UnknownEncoding(span=call.function.span, name=call.function.text, candidates=near)
        )
        for argument in call.arguments:
            if argument.name is None:
                outside_loops(frame).evaluate(argument.value)
        return None
    bound = bind(frame, function, call.arguments, call.span)
    value = _data(frame, bound)
    where: tuple[Wires, Typed | None] | None = (AllWires(), builder.qubits)
    if statement.wires is not None:
        if function.name in ("amplitude", "iqp"):
            found = f"`on` after `encode {function.name}`, which uses every wire,"
            frame.report(BadWires(span=statement.wires.span, found=found, wanted="wires"))
            return None
        where = read_wires(frame, builder, statement.wires)
    item: CircuitItem | None
    match function.name:
        case "angle":
            item = _angle(frame, builder, statement, bound, value, where)
        case "amplitude":
            item = _amplitude(frame, builder, statement, bound, value, first)
        case "basis":
            item = None
            if value is not None and where is not None and bound.ok:
                if _fits(frame, value, where[1]):
                    builder.untouched = False
                    builder.count_gates(_count(where[1]), statement.span)
                    item = EncodeBasis(
                        operand=builder.feed(value), wires=where[0], span=statement.span
                    )
        case _:
            item = _iqp(frame, builder, statement, bound, value)
    return item


def _data(frame: Frame, bound: Bound) -> Value | None:
    if not bound.has("v"):
        return None
    operand = outside_loops(frame).evaluate(bound.given["v"])
    return as_value(frame.session, operand, f"the data of `encode {bound.function.name}`")


def _count(count: Typed | None) -> int:
    value = None if count is None else count.constant
    return value if isinstance(value, int) else 1


def _fits(frame: Frame, value: Value, room: Typed | None) -> bool:
    if frame.graph is None:
        return True
    width, limit = frame.graph.number(value.width), frame.graph.number(room)
    if width is None or limit is None or width <= limit:
        return True
    frame.report(EncodingTooWide(span=value.span, width=width, room=limit))
    return False


def _angle(
    frame: Frame,
    builder: CircuitBuilder,
    statement: EncodeStatement,
    bound: Bound,
    value: Value | None,
    where: tuple[Wires, Typed | None] | None,
) -> CircuitItem | None:
    gate = _gate(frame, bound)
    scale = bound.real("scale") if bound.has("scale") else integer(1, statement.span)
    squash = bound.choice("squash") if bound.has("squash") else None
    if value is None or where is None or gate is None or scale is None or not bound.ok:
        return None
    if bound.has("squash") and squash is None:
        return None
    if not _fits(frame, value, where[1]):
        return None
    if builder.untouched and GATES[gate].keeps_zero:
        frame.report(EncodingWithoutEffect(span=statement.span, gate=gate))
    builder.untouched = builder.untouched and GATES[gate].keeps_zero
    if squash is not None and frame.graph is not None:
        node = SpecActivation(operand=value.node, kind=squash, span=statement.span)
        squashed = frame.graph.add(node, value.width, statement.span)
        if squashed is None:
            return None
        value = replace(squashed, span=value.span)
    builder.count_gates(_count(where[1]), statement.span)
    return EncodeAngle(
        operand=builder.feed(value),
        gate=gate,
        scale=scale.scalar,
        wires=where[0],
        span=statement.span,
    )


def _gate(frame: Frame, bound: Bound) -> GateName | None:
    expr = bound.given.get("gate")
    if isinstance(expr, Name) and frame.scope.find(expr.text) is None:
        if expr.text in GATES.built_in and not can_encode(expr.text):
            frame.report(EncodingGate(span=expr.span, gate=expr.text))
            return None
    return bound.choice("gate")


def _amplitude(
    frame: Frame,
    builder: CircuitBuilder,
    statement: EncodeStatement,
    bound: Bound,
    value: Value | None,
    first: bool,
) -> CircuitItem | None:
    norm = bound.choice("norm")
    if not first:
        frame.report(AmplitudeNotFirst(span=statement.span))
        return None
    if value is None or norm is None or not bound.ok:
        return None
    n = builder.count
    if n is not None and not _fits(frame, value, integer(2**n, statement.span)):
        return None
    builder.untouched = False
    return EncodeAmplitude(
        operand=builder.feed(value), keep_norm=norm == "keep", span=statement.span
    )


def _iqp(
    frame: Frame,
    builder: CircuitBuilder,
    statement: EncodeStatement,
    bound: Bound,
    value: Value | None,
) -> CircuitItem | None:
    pattern = bound.choice("pattern")
    if value is None or pattern is None or not bound.ok:
        return None
    if not _fits(frame, value, builder.qubits):
        return None
    builder.untouched = False
    builder.count_gates(2 * _count(builder.qubits), statement.span)
    pairs = PairPattern(kind=pattern, span=statement.span)
    return EncodeIqp(operand=builder.feed(value), pairs=pairs, span=statement.span)
