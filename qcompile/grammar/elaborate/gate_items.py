"""Gates that a file gives by their matrices: `gate w = [[1, 0], [0, (0, 1)]]`."""

from __future__ import annotations

from qcompile.diagnostics.messages.gates import (
    GateMatrixShape,
    GateNotUnitary,
    GateTakesWires,
    NotControllable,
)
from qcompile.diagnostics.messages.unitary import GateNotReal
from qcompile.grammar.elaborate.circuit_builder import CircuitBuilder
from qcompile.grammar.elaborate.expect import known_real
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.gates import gate_places
from qcompile.grammar.elaborate.scope import Definition
from qcompile.grammar.syntax import ApplyStatement, Call, Expr, GateItem, ListExpr, Name, PairExpr
from qcompile.ir.gates import GATES
from qcompile.ir.matrices import Matrix, identity, select
from qcompile.ir.spec_circuit import MatrixLayer
from qcompile.ir.unitaries import UNITARY, distance, matrix_is_real, nearest_unitary

CONTROLLED = "controlled"


def read_gate(frame: Frame, item: GateItem) -> Matrix | None:
    """Return the unitary matrix of a gate; None once an error in it has been reported."""
    expr = item.matrix
    if isinstance(expr, Call) and expr.function.text == CONTROLLED:
        return _controlled(frame, expr)
    given = _entries(frame, item.name.text, expr)
    if given is None:
        return None
    nearest = nearest_unitary(given)
    if nearest is None or distance(given, nearest) > UNITARY:
        away = "it is singular"
        if nearest is not None:
            shown = f"{distance(given, nearest):.2g}"
            away = f"the nearest unitary matrix is {shown} away, more than {UNITARY:g}"
        frame.report(GateNotUnitary(span=expr.span, name=item.name.text, away=away))
        return None
    if matrix_is_real(given):
        return tuple(complex(entry).real for entry in nearest)
    return nearest


def _controlled(frame: Frame, call: Call) -> Matrix | None:
    inner = call.arguments[0].value if len(call.arguments) == 1 else None
    matrix = None
    if isinstance(inner, Name) and call.arguments[0].name is None:
        definition = frame.scope.file.names.get(inner.text)
        kind = GATES.built_in.get(inner.text)
        if definition is not None and definition.kind == "gate":
            definition.used = True
            if definition.ready and definition.matrix is None:
                return None
            matrix = definition.matrix
        elif definition is None and kind is not None and not kind.angles:
            matrix = kind.generic
    if matrix is None or len(matrix) != 4:
        frame.report(NotControllable(span=call.span))
        return None
    return select(identity(2), matrix)


def _entries(frame: Frame, name: str, expr: Expr) -> Matrix | None:
    rows = expr.items if isinstance(expr, ListExpr) else ()
    widths = [len(row.items) if isinstance(row, ListExpr) else None for row in rows]
    if len(rows) not in (2, 4) or any(width != len(rows) for width in widths):
        found = "no table"
        if rows and all(width is not None for width in widths):
            shown = sorted({str(width) for width in widths})
            found = f"{len(rows)} rows of {' and '.join(shown)}"
        frame.report(GateMatrixShape(span=expr.span, name=name, found=found))
        return None
    entries = [
        _entry(frame, entry) for row in rows if isinstance(row, ListExpr) for entry in row.items
    ]
    known = tuple(entry for entry in entries if entry is not None)
    return known if len(known) == len(entries) else None


def _entry(frame: Frame, expr: Expr) -> complex | None:
    """A real number, or a pair (real, imaginary)."""
    parts = (expr.first, expr.second) if isinstance(expr, PairExpr) else (expr,)
    found = [known_real(frame, part, "an entry of a matrix") for part in parts]
    known = [part for part in found if part is not None]
    return complex(*known) if len(known) == len(found) else None


def matrix_layer(
    frame: Frame, builder: CircuitBuilder, statement: ApplyStatement, definition: Definition
) -> MatrixLayer | None:
    """Elaborate such a gate along its wires or pairs."""
    definition.used = True
    name, matrix = statement.name.text, definition.matrix
    clauses = (
        ("angles", None if statement.arguments is None else statement.span),
        ("`shared`", statement.span if statement.shared else None),
    )
    wrong = [(clause, span) for clause, span in clauses if span is not None]
    for clause, span in wrong:
        frame.report(GateTakesWires(span=span, name=name, clause=clause))
    if matrix is None:
        return None
    if builder.orthogonal and not matrix_is_real(matrix):
        real = tuple(name for name, known in GATES.built_in.items() if known.real)
        frame.report(GateNotReal(span=statement.name.span, gate=name, real=real))
    places = gate_places(frame, builder, statement, name, 1 if len(matrix) == 4 else 2)
    if places is None or wrong:
        return None
    builder.untouched = False
    return MatrixLayer(
        gate=definition.name,
        entries=tuple((complex(entry).real, complex(entry).imag) for entry in matrix),
        wires=places.wires,
        pairs=places.pairs,
        span=statement.span,
    )
