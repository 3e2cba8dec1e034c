"""Gate by gate on the statevector, gates merged into sweeps."""

from __future__ import annotations

from collections.abc import Sequence

from qcompile.backends.executors.constants import Constants
from qcompile.backends.executors.sweeps.program import CircuitProgram, Run
from qcompile.backends.executors.sweeps.start import (
    AmplitudeStart,
    ProductStart,
    Start,
    ZeroStart,
)
from qcompile.ir.circuit import AmplitudeState, Circuit, Gate
from qcompile.ir.circuit_analysis import is_real, leading_encodings
from qcompile.ir.plan import StatevectorEvaluation
from qcompile.ir.primitives import Primitive, decompose
from qcompile.ir.target import Target


def build_statevector(
    evaluation: StatevectorEvaluation, target: Target, constants: Constants
) -> CircuitProgram:
    circuit = evaluation.circuit
    start, gates = choose_start(circuit, circuit.gates, constants)
    run = Run(False, decompose_all(gates, real=is_real(circuit)))
    return CircuitProgram(circuit, start, [run], target, constants)


def choose_start(
    circuit: Circuit, gates: Sequence[Gate], constants: Constants
) -> tuple[Start, Sequence[Gate]]:
    """The initial state, with encodings taken into it, and the gates that remain."""
    if isinstance(circuit.initial, AmplitudeState):
        return AmplitudeStart(circuit.qubits, circuit.initial), gates
    first, rest = leading_encodings(gates)
    if not first:
        return ZeroStart(circuit.qubits), gates
    return ProductStart(circuit.qubits, first, constants), rest


def decompose_all(gates: Sequence[Gate], *, real: bool) -> list[Primitive]:
    return [primitive for gate in gates for primitive in decompose(gate, real=real)]
