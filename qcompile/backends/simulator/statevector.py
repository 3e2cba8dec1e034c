"""Gate by gate on the statevector, gates merged into sweeps."""

from __future__ import annotations

from collections.abc import Sequence

from qcompile.backends.simulator.constants import Constants
from qcompile.backends.simulator.primitives import Primitive, decompose
from qcompile.backends.simulator.program import CircuitProgram, Run
from qcompile.backends.simulator.start import (
    AmplitudeStart,
    ProductStart,
    Start,
    ZeroStart,
    leading_gates,
)
from qcompile.ir.circuit import AmplitudeState, Circuit, Gate
from qcompile.ir.gates import GATES
from qcompile.ir.plan import StatevectorEvaluation
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
    first, rest = leading_gates(gates)
    if not first:
        return ZeroStart(circuit.qubits), gates
    return ProductStart(circuit.qubits, first, constants), rest


def is_real(circuit: Circuit) -> bool:
    """All amplitudes are real throughout."""
    return all(GATES[gate.name].real for gate in circuit.gates)


def decompose_all(gates: Sequence[Gate], *, real: bool) -> list[Primitive]:
    return [primitive for gate in gates for primitive in decompose(gate, real=real)]
