"""Everything between encodings as one hoisted unitary."""

from __future__ import annotations

from qcompile.backends.executors.constants import Constants
from qcompile.backends.executors.sweeps.program import CircuitProgram, Run
from qcompile.backends.executors.sweeps.start import AmplitudeStart, Start, ZeroStart
from qcompile.backends.executors.sweeps.statevector import choose_start, decompose_all
from qcompile.ir.circuit import AmplitudeState
from qcompile.ir.circuit_analysis import is_real
from qcompile.ir.plan import DataLayer, DenseEvaluation, HoistedBlock
from qcompile.ir.target import Target


def build_dense(
    evaluation: DenseEvaluation, target: Target, constants: Constants
) -> CircuitProgram:
    circuit = evaluation.circuit
    segments = list(evaluation.segments)
    start: Start = ZeroStart(circuit.qubits)
    if isinstance(circuit.initial, AmplitudeState):
        start = AmplitudeStart(circuit.qubits, circuit.initial)
    elif segments and isinstance(segments[0], DataLayer):
        start, rest = choose_start(circuit, segments[0].gates, constants)
        segments[0] = DataLayer(gates=tuple(rest))
    real = is_real(circuit)
    runs = [
        Run(isinstance(segment, HoistedBlock), decompose_all(segment.gates, real=real))
        for segment in segments
    ]
    return CircuitProgram(circuit, start, runs, target, constants)
