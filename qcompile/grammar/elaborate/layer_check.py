"""Checks a user-defined layer by itself, for unknown arguments and any number of qubits."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from qcompile.grammar.elaborate.circuit_builder import CircuitBuilder
from qcompile.grammar.elaborate.circuit_statements import StatementPlace, items_of
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.graph import GraphBuilder
from qcompile.grammar.elaborate.parameters import (
    check_parameters,
    define_unknown,
    typed_parameters,
    value_parameters,
)
from qcompile.grammar.elaborate.remarks import unused_names
from qcompile.grammar.elaborate.scope import Definition, Scope
from qcompile.grammar.elaborate.session import Session
from qcompile.grammar.syntax import LayerItem
from qcompile.ir.operands import Typed
from qcompile.ir.ops.ends import SpecInput
from qcompile.ir.scalar import Variable


def check_layer(session: Session, definition: Definition, frame: Frame) -> None:
    """Elaborate a layer whose arguments are unknown, so that it is checked even if unused."""
    item = cast(LayerItem, definition.item)
    before = session.errors
    scope = Scope(file=definition.home)
    graph = GraphBuilder(session=session, generic=True)
    own = replace(frame, scope=scope, graph=graph, input=None, generic=True)
    check_parameters(session, item.parameters, "after the first typed one")
    for parameter in value_parameters(item.parameters):
        value = graph.add(SpecInput(span=parameter.span), None, parameter.span)
        scope.define(session, parameter.name, value, "value parameter", allow_module=True)
    define_unknown(own, typed_parameters(item.parameters))
    span = item.name.span
    qubits = Typed(type="int", scalar=Variable(name="$qubits", span=span), span=span)
    builder = CircuitBuilder(session=session, qubits=qubits, untouched=False)
    items_of(own, builder, item.body, StatementPlace(kind="layer"))
    definition.broken = session.errors > before
    if not definition.broken and definition.home.is_main:
        unused_names(session, scope, "layer", item.name.text)
