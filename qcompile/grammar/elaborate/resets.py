"""`reset`, `reset on 0..2`: qubits that go on in |0⟩."""

from __future__ import annotations

from qcompile.diagnostics.messages.circuits import ResetTakesWires, ResetUndone
from qcompile.diagnostics.messages.unitary import NotInUnitary
from qcompile.grammar.elaborate.circuit_builder import CircuitBuilder
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.wires import read_wires
from qcompile.grammar.syntax import ApplyStatement
from qcompile.ir.spec_circuit import SpecReset

RESET = "reset"
"""Stands where a gate does; a layer of the file may have the name."""


def reset(frame: Frame, builder: CircuitBuilder, statement: ApplyStatement) -> SpecReset | None:
    """Elaborate a reset, where the circuit can have one."""
    if builder.orthogonal:
        frame.report(NotInUnitary(span=statement.span, statement=RESET))
        return None
    if builder.undone:
        frame.report(ResetUndone(span=statement.span))
        return None
    pattern, arguments = statement.pattern, statement.arguments
    clauses = (
        ("pattern", None if pattern is None else pattern.span),
        ("arguments", None if arguments is None else statement.span),
        ("`shared`", statement.span if statement.shared else None),
    )
    wrong = [(clause, span) for clause, span in clauses if span is not None]
    for clause, span in wrong:
        frame.report(ResetTakesWires(span=span, clause=clause))
    found = read_wires(frame, builder, statement.wires)
    if found is None or wrong:
        return None
    return SpecReset(wires=found[0], span=statement.span)
