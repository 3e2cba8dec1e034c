"""Statements of circuits: loops, encodings, banks, gates and layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from qcompile.diagnostics.messages.circuits import BankInside
from qcompile.diagnostics.messages.types import TooDeep
from qcompile.diagnostics.messages.unitary import NotInUnitary
from qcompile.diagnostics.messages.wires import MeasurementInside
from qcompile.grammar.elaborate.choices import branches, condition_of, not_taken
from qcompile.grammar.elaborate.circuit_builder import CircuitBuilder
from qcompile.grammar.elaborate.encodings import encoding
from qcompile.grammar.elaborate.expect import whole
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.gate_items import matrix_layer
from qcompile.grammar.elaborate.gates import gate_layer
from qcompile.grammar.elaborate.inits import read_init
from qcompile.grammar.elaborate.layers import open_layer
from qcompile.grammar.elaborate.resets import RESET, reset
from qcompile.grammar.elaborate.scope import Scope
from qcompile.grammar.elaborate.session import MAX_DEPTH
from qcompile.grammar.elaborate.wires import read_range
from qcompile.grammar.syntax import (
    AdjointStatement,
    AnglesStatement,
    ApplyStatement,
    CircuitStatement,
    EncodeStatement,
    ForStatement,
    IfStatement,
    LayerItem,
    MeasureStatement,
    RepeatStatement,
)
from qcompile.ir.limits import MAX_REPEATS
from qcompile.ir.operands import BankName, Typed
from qcompile.ir.scalar import Variable
from qcompile.ir.signature import VECTOR_INITS
from qcompile.ir.spec_circuit import Bank, Choose, CircuitItem, ForEach, Repeat, SpecAdjoint


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPlace:
    """Where a statement of a circuit stands."""

    kind: Literal["top", "loop", "layer", "adjoint", "choice"]
    first: bool = False
    """It opens the circuit."""

    @property
    def words(self) -> str:
        return {
            "top": "a circuit",
            "loop": "a loop",
            "layer": "a layer",
            "adjoint": "an `adjoint`",
            "choice": "an `if` that the module decides",
        }[self.kind]


def items_of(
    frame: Frame, builder: CircuitBuilder, body: Sequence[CircuitStatement], place: StatementPlace
) -> list[CircuitItem]:
    """Elaborate statements in order; what is wrong is reported and left out."""
    items: list[CircuitItem] = []
    session = frame.session
    if session.depth >= MAX_DEPTH:
        if body:
            session.report(TooDeep(span=body[0].span, extent="deep"))
        return items
    session.depth += 1
    try:
        for statement in body:
            if not session.spend(statement.span):
                break
            items.extend(_statement(frame, builder, statement, place))
    finally:
        session.depth -= 1
    return items


def _statement(
    frame: Frame, builder: CircuitBuilder, statement: CircuitStatement, place: StatementPlace
) -> Sequence[CircuitItem]:
    match statement:
        case RepeatStatement():
            return _repeat(frame, builder, statement, place)
        case ForStatement():
            return _for(frame, builder, statement, place)
        case AdjointStatement():
            return _adjoint(frame, builder, statement)
        case IfStatement():
            return _if(frame, builder, statement, place)
        case EncodeStatement() | MeasureStatement() if builder.orthogonal:
            word = "encode" if isinstance(statement, EncodeStatement) else "measure"
            frame.report(NotInUnitary(span=statement.span, statement=word))
            return ()
        case EncodeStatement():
            first = place.kind == "top" and place.first
            return _one(encoding(frame, builder, statement, first=first))
        case AnglesStatement():
            _bank(frame, builder, statement, place)
            return ()
        case ApplyStatement():
            return _apply(frame, builder, statement)
        case MeasureStatement():
            frame.report(MeasurementInside(span=statement.span, place=place.words))
            return ()


def _one(item: CircuitItem | None) -> tuple[CircuitItem, ...]:
    return () if item is None else (item,)


def _inside(place: StatementPlace) -> StatementPlace:
    return StatementPlace(kind="loop" if place.kind == "top" else place.kind)


def _rounds(count: Typed | None) -> int:
    value = None if count is None else count.constant
    return value if isinstance(value, int) else 1


def _repeat(
    frame: Frame, builder: CircuitBuilder, statement: RepeatStatement, place: StatementPlace
) -> Sequence[CircuitItem]:
    count = whole(frame, statement.count, "the number of rounds", low=0, high=MAX_REPEATS)
    items = _body(frame, builder, statement.body, place, _rounds(count))
    if count is None:
        return ()
    return (Repeat(count=count.scalar, items=tuple(items), span=statement.span),)


def _body(
    frame: Frame,
    builder: CircuitBuilder,
    body: Sequence[CircuitStatement],
    place: StatementPlace,
    rounds: int,
) -> list[CircuitItem]:
    outer = builder.multiplier
    builder.multiplier = min(outer * rounds, 10**9)
    try:
        return items_of(frame, builder, body, _inside(place))
    finally:
        builder.multiplier = outer


def _for(
    frame: Frame, builder: CircuitBuilder, statement: ForStatement, place: StatementPlace
) -> Sequence[CircuitItem]:
    bounds = read_range(frame, statement.range, "a bound of the loop")
    name = statement.variable
    variable = builder.variable(name.text)
    scope = Scope(file=frame.scope.file, outer=frame.scope)
    operand = Typed(type="int", scalar=Variable(name=variable, span=name.span), span=name.span)
    scope.define(frame.session, name, operand, "loop variable")
    rounds = 1
    if bounds is not None:
        start, stop = bounds
        if isinstance(start.constant, int) and isinstance(stop.constant, int):
            rounds = stop.constant - start.constant
    items = _body(replace(frame, scope=scope), builder, statement.body, place, rounds)
    if bounds is None:
        return ()
    each = ForEach(
        variable=variable,
        start=bounds[0].scalar,
        stop=bounds[1].scalar,
        items=tuple(items),
        span=statement.span,
    )
    return (each,)


def _adjoint(
    frame: Frame, builder: CircuitBuilder, statement: AdjointStatement
) -> Sequence[CircuitItem]:
    outer, builder.undone = builder.undone, True
    try:
        items = items_of(frame, builder, statement.body, StatementPlace(kind="adjoint"))
    finally:
        builder.undone = outer
    return (SpecAdjoint(items=tuple(items), span=statement.span),)


def _if(
    frame: Frame, builder: CircuitBuilder, statement: IfStatement, place: StatementPlace
) -> Sequence[CircuitItem]:
    condition = condition_of(frame, statement)
    inside = StatementPlace(kind="choice") if place.kind == "top" else place
    found: list[tuple[CircuitItem, ...]] = []
    start, before = builder.untouched, builder.gates
    untouched, most = True, before
    for outcome, body in zip((True, False), branches(statement), strict=True):
        if condition is None or condition.constant is (not outcome):
            with not_taken(frame, builder) as (aside, scratch):
                items_of(aside, scratch, body, inside)
            found.append(())
            continue
        builder.gates, builder.untouched = before, start
        found.append(tuple(items_of(frame, builder, body, inside)))
        untouched, most = untouched and builder.untouched, max(most, builder.gates)
    builder.untouched, builder.gates = untouched, most
    if condition is None or condition.constant is not None:
        return found[0] or found[1]
    yes, no = found
    return (Choose(condition=condition.scalar, items=yes, otherwise=no, span=statement.span),)


def _bank(
    frame: Frame, builder: CircuitBuilder, statement: AnglesStatement, place: StatementPlace
) -> None:
    size = whole(frame, statement.size, "the number of angles", low=1, high=10**6)
    init = None
    if statement.init is not None:
        init = read_init(frame, statement.init, "an angle", VECTOR_INITS)
    name = statement.name
    if place.kind != "top":
        frame.report(BankInside(span=statement.span, place=place.words))
        frame.scope.define(frame.session, name, None, "bank")
        return
    operand = None
    if size is not None:
        builder.banks.append(Bank(name=name.text, size=size.scalar, init=init))
        operand = BankName(position=len(builder.banks) - 1, size=size, span=name.span)
    frame.scope.define(frame.session, name, operand, "bank")


def _apply(
    frame: Frame, builder: CircuitBuilder, statement: ApplyStatement
) -> Sequence[CircuitItem]:
    definition = frame.scope.file.names.get(statement.name.text)
    if definition is None and statement.name.text == RESET:
        return _one(reset(frame, builder, statement))
    if definition is not None and definition.kind == "gate":
        return _one(matrix_layer(frame, builder, statement, definition))
    if definition is None or not isinstance(definition.item, LayerItem):
        return _one(gate_layer(frame, builder, statement))
    definition.used = True
    inner = open_layer(frame, statement, definition)
    if inner is None:
        # Whether the layer of a block checked by itself has angles is not known.
        builder.trainable = builder.trainable or frame.generic
        return ()
    session = frame.session
    session.calls.append(statement.span)
    try:
        return items_of(inner, builder, definition.item.body, StatementPlace(kind="layer"))
    finally:
        session.calls.pop()
