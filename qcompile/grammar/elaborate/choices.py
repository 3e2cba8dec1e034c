"""`if` in circuits: which branch counts, and how the other one is only looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from qcompile.grammar.elaborate.circuit_builder import CircuitBuilder
from qcompile.grammar.elaborate.expect import as_bool
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.scope import Scope
from qcompile.grammar.syntax import CircuitBody, CircuitStatement, IfStatement
from qcompile.ir.operands import Typed


def condition_of(frame: Frame, statement: IfStatement) -> Typed | None:
    """Return the condition, a truth value; None once an error in it has been reported."""
    operand = frame.evaluate(statement.condition)
    if operand is not None:
        operand = replace(operand, span=statement.condition.span)
    return as_bool(frame.session, operand, "a condition")


def branches(
    statement: IfStatement,
) -> tuple[tuple[CircuitStatement, ...], tuple[CircuitStatement, ...]]:
    """Return the statements where the condition holds, and those where it does not."""
    match statement.otherwise:
        case CircuitBody(items=items):
            return statement.body.items, items
        case None:
            return statement.body.items, ()
        case other:
            return statement.body.items, (other,)


@contextmanager
def not_taken(frame: Frame, builder: CircuitBuilder) -> Iterator[tuple[Frame, CircuitBuilder]]:
    """Give a frame and a builder for statements whose names and types are checked, no more."""
    session = frame.session
    before = session.silent
    session.silent = True
    scope = Scope(file=frame.scope.file, outer=frame.scope)
    aside = replace(
        builder,
        operands=list(builder.operands),
        banks=list(builder.banks),
        variables=set(builder.variables),
    )
    try:
        yield replace(frame, scope=scope), aside
    finally:
        session.silent = before
