"""The `control` of an adapter: whether its circuits are replaced by classical maps."""

from __future__ import annotations

from collections.abc import Iterable

from qcompile.diagnostics.messages.controls import NothingToControl
from qcompile.grammar.elaborate.expect import as_bool
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.session import Session
from qcompile.grammar.syntax import AdapterItem, ControlStatement
from qcompile.ir.scalar import Constant
from qcompile.ir.spec import Body, SpecCircuitValue


def read_control(frame: Frame, statement: ControlStatement) -> None:
    """Note the condition with the graph; a condition that is certainly false is none."""
    assert frame.graph is not None
    if statement.condition is None:
        frame.graph.control = Constant(value=True, span=statement.span)
        return
    operand = frame.evaluate(statement.condition)
    condition = as_bool(frame.session, operand, "the condition of a control")
    if condition is not None and condition.constant is not False:
        frame.graph.control = condition.scalar


def check_control(session: Session, item: AdapterItem, bodies: Iterable[Body]) -> None:
    """Refuse a `control` where no body has a circuit."""
    statement = next((s for s in item.body if isinstance(s, ControlStatement)), None)
    if statement is None:
        return
    if not any(isinstance(node, SpecCircuitValue) for body in bodies for node in body.nodes):
        session.report(NothingToControl(adapter=item.name.text, span=statement.span))
