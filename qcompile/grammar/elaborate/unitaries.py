"""Circuits as orthogonal matrices: `unitary(v, to: n) { … }`."""

from __future__ import annotations

from dataclasses import replace

from qcompile.diagnostics.messages.types import Misplaced
from qcompile.diagnostics.messages.unitary import FixedUnitary
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.arguments import bind
from qcompile.grammar.elaborate.circuit_builder import CircuitBuilder
from qcompile.grammar.elaborate.circuit_statements import StatementPlace, items_of
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.inits import angles_init
from qcompile.grammar.elaborate.remarks import unused_names
from qcompile.grammar.elaborate.scope import Scope
from qcompile.grammar.functions import UNITARY
from qcompile.grammar.syntax import UnitaryExpr
from qcompile.ir.operands import Typed, Value, integer
from qcompile.ir.spec import SpecUnitary


def unitary_value(frame: Frame, expr: UnitaryExpr) -> Value | None:
    """Elaborate the matrix of a circuit times a value and add it to the graph."""
    graph = frame.graph
    if graph is None:
        frame.report(
            Misplaced(span=expr.span, form="a unitary", what="the expression", expected="a number")
        )
        return None
    session = frame.session
    before = session.errors
    label = frame.naming.name("unitary", expr)
    bound = bind(frame, UNITARY, expr.arguments, expr.span)
    value = bound.value("v")
    to = bound.integer("to")
    adjoint = bound.flag("adjoint")
    init = angles_init(bound)
    share = bound.text("share")
    graph.share(share, "unitary", expr.span)
    scope = Scope(file=frame.scope.file, outer=frame.scope)
    inner = replace(frame, scope=scope)
    qubits = _qubits(frame, value, to, expr.span)
    builder = CircuitBuilder(session=session, qubits=qubits, orthogonal=True)
    items = items_of(inner, builder, expr.body, StatementPlace(kind="top"))
    if session.errors > before or session.exhausted:
        return None
    if value is None or to is None or adjoint is None or not bound.ok:
        return None
    if not session.errors and not session.calls and frame.scope.file.is_main:
        unused_names(session, scope, "circuit", label)
        if not builder.trainable:
            frame.report(FixedUnitary(span=expr.span))
    node = SpecUnitary(
        operand=value.node,
        to=to.scalar,
        adjoint=adjoint,
        banks=tuple(builder.banks),
        items=tuple(items),
        init=init,
        name=graph.unique(label),
        share=share,
        span=expr.span,
    )
    return graph.add(node, to, expr.span)


def _qubits(frame: Frame, value: Value | None, to: Typed | None, span: Span) -> Typed | None:
    """⌊log2 N⌋, where both widths are numbers and not both 1; lowering finds it for all sizes."""
    assert frame.graph is not None
    if value is None or to is None:
        return None
    widths = [frame.graph.number(width) for width in (value.width, to)]
    known = [width for width in widths if width is not None]
    if len(known) < 2 or max(known) < 2:
        return None
    return integer(max(known).bit_length() - 1, span)
