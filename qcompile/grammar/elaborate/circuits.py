"""Circuits as values: `circuit(n qubits) { … }`."""

from __future__ import annotations

from dataclasses import replace

from qcompile.diagnostics.messages.circuits import FixedCircuit
from qcompile.diagnostics.messages.types import Misplaced
from qcompile.diagnostics.messages.wires import AfterMeasurement, NoMeasurement
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.arguments import bind
from qcompile.grammar.elaborate.chosen import check_untaken, taken_statements
from qcompile.grammar.elaborate.circuit_builder import CircuitBuilder
from qcompile.grammar.elaborate.circuit_statements import StatementPlace, items_of
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.graph import GraphBuilder
from qcompile.grammar.elaborate.inits import angles_init
from qcompile.grammar.elaborate.measures import measurement
from qcompile.grammar.elaborate.remarks import reachable, unused_names
from qcompile.grammar.elaborate.scalars import combine
from qcompile.grammar.elaborate.scope import Scope
from qcompile.grammar.functions import CIRCUIT
from qcompile.grammar.syntax import AnglesStatement, Argument, CircuitExpr, MeasureStatement
from qcompile.ir.operands import Typed, Value, integer
from qcompile.ir.ops.ends import SpecInput, SpecOutput
from qcompile.ir.spec import SpecCircuitValue
from qcompile.ir.spec_circuit import CircuitItem, MeasureBetween, Measurement, SpecCircuit


def circuit_value(frame: Frame, expr: CircuitExpr) -> Value | None:
    """Elaborate a circuit and add it to the graph."""
    graph = frame.graph
    if graph is None:
        frame.report(
            Misplaced(span=expr.span, form="a circuit", what="the expression", expected="a number")
        )
        return None
    session = frame.session
    before = session.errors
    label = frame.naming.name("circuit", expr)
    size = Argument(name=None, value=expr.qubits, span=expr.qubits.span)
    bound = bind(frame, CIRCUIT, (size, *expr.arguments), expr.span)
    qubits = bound.integer("n")
    init = angles_init(bound)
    share = bound.text("share")
    graph.share(share, "circuit", expr.span)
    scope = Scope(file=frame.scope.file, outer=frame.scope)
    inner = replace(frame, scope=scope)
    builder = CircuitBuilder(session=session, qubits=qubits)
    items: list[CircuitItem] = []
    measurements: list[Measurement] = []
    widths: list[Typed | None] = []
    first = True
    behind: Span | None = None
    errors = session.errors
    statements, untaken = taken_statements(inner, expr.body)
    broken = session.errors > errors
    for statement in statements:
        if session.exhausted:
            return None
        if isinstance(statement, MeasureStatement):
            builder.measured, behind = statement.span, None
            for found, width in measurement(inner, builder, statement):
                measurements.append(found)
                widths.append(width)
            continue
        if measurements and not isinstance(statement, AnglesStatement):
            items += [MeasureBetween(measurement=done, span=done.span) for done in measurements]
            measurements.clear()
        if not isinstance(statement, AnglesStatement):
            behind = behind or statement.span
        place = StatementPlace(kind="top", first=first)
        # Banks are declarations: the qubits are still in |0…0⟩ behind them.
        first = first and isinstance(statement, AnglesStatement)
        items.extend(items_of(inner, builder, (statement,), place))
    check_untaken(inner, builder, untaken)
    if not broken and not any(isinstance(item, MeasureStatement) for item in statements):
        frame.report(NoMeasurement(span=expr.span))
    elif builder.measured is not None and behind is not None:
        frame.report(AfterMeasurement(span=behind, first=builder.measured))
    if session.errors > before or qubits is None or not measurements:
        return None
    if not session.errors and not session.calls and frame.scope.file.is_main:
        unused_names(session, scope, "circuit", label)
        if not builder.trainable and not any(_trains(graph, node) for node in builder.operands):
            frame.report(FixedCircuit(span=expr.span))
    circuit = SpecCircuit(
        qubits=qubits.scalar,
        banks=tuple(builder.banks),
        items=tuple(items),
        measurements=tuple(measurements),
        init=init,
        span=expr.span,
    )
    node = SpecCircuitValue(
        operands=tuple(builder.operands),
        circuit=circuit,
        name=graph.unique(label),
        share=share,
        span=expr.span,
    )
    return graph.add(node, _total(frame, expr, widths), expr.span)


def _trains(graph: GraphBuilder, node: int) -> bool:
    """Whether a value consists of trainable tensors alone, so that it gives trainable angles."""
    nodes = tuple(graph.nodes)
    used = [nodes[index] for index in reachable(nodes, node)]
    fixed = any(isinstance(part, SpecInput | SpecOutput) for part in used)
    return not fixed and any(part.inits for part in used)


def _total(frame: Frame, expr: CircuitExpr, widths: list[Typed | None]) -> Typed | None:
    total: Typed | None = integer(0, expr.span)
    for width in widths:
        if total is None or width is None or total.parts + width.parts > 100:
            return None
        total = combine(frame.session, "+", (total, width), expr.span)
    return total
