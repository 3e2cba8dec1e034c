"""Blocks: checked once by themselves, written out where they are called."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from qcompile.diagnostics.messages.types import TooDeep
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.graph import GraphBuilder
from qcompile.grammar.elaborate.parameters import (
    bind_arguments,
    check_parameters,
    define_unknown,
    typed_parameters,
    value_parameters,
)
from qcompile.grammar.elaborate.remarks import unused_names
from qcompile.grammar.elaborate.scope import Definition, Scope
from qcompile.grammar.elaborate.session import MAX_DEPTH, Session
from qcompile.grammar.elaborate.statements import run_body
from qcompile.grammar.syntax import BlockItem, Call
from qcompile.ir.operands import Operand, Value
from qcompile.ir.ops.ends import SpecInput


def check_block(session: Session, definition: Definition, frame: Frame) -> None:
    """Elaborate a block for unknown arguments, so that it is checked even if nothing uses it."""
    item = cast(BlockItem, definition.item)
    before = session.errors
    scope = Scope(file=definition.home)
    graph = GraphBuilder(session=session, generic=True)
    own = replace(frame, scope=scope, graph=graph, input=None, generic=True)
    check_parameters(session, item.parameters, "after the first typed one")
    for parameter in value_parameters(item.parameters):
        value = graph.add(SpecInput(span=parameter.span), None, parameter.span)
        scope.define(session, parameter.name, value, "value parameter", allow_module=True)
    define_unknown(own, typed_parameters(item.parameters))
    run_body(own, item.body, kind="block", name=item.name.text, prefix="", span=item.name.span)
    definition.broken = session.errors > before
    if not definition.broken and definition.home.is_main:
        unused_names(session, scope, "block", item.name.text)


def call_block(frame: Frame, expr: Call, definition: Definition) -> Operand:
    """Write a block out, with the arguments of one call."""
    session = frame.session
    item = cast(BlockItem, definition.item)
    label = frame.naming.name(item.name.text, expr)
    scope = Scope(file=definition.home)
    fine = bind_arguments(frame, scope, item.name.text, item.parameters, expr.arguments, expr.span)
    if not fine or definition.broken or frame.graph is None:
        return None
    if frame.generic:
        return frame.graph.add(SpecInput(span=expr.span), None, expr.span)
    if not _room(frame, expr.span):
        return None
    own = replace(frame, scope=scope, input=None, outside_loops=False)
    session.calls.append(expr.span)
    session.depth += 1
    try:
        result = run_body(
            own, item.body, kind="block", name=item.name.text, prefix=label, span=item.name.span
        )
    finally:
        session.depth -= 1
        session.calls.pop()
    if not isinstance(result, Value):
        return None
    return replace(result, span=expr.span)


def _room(frame: Frame, span: Span) -> bool:
    if not frame.session.spend(span):
        return False
    if frame.session.depth < MAX_DEPTH:
        return True
    frame.report(TooDeep(span=span, extent="deep"))
    return False
