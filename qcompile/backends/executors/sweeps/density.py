"""Density matrices: kets on qubits 0..n-1 of a 2n-qubit state, bras on n..2n-1."""

from __future__ import annotations

from torch import Tensor

from qcompile.backends.executors.constants import Constants
from qcompile.backends.executors.sweeps.program import CircuitProgram, Run
from qcompile.backends.executors.sweeps.start import AmplitudeStart, Start, ZeroStart
from qcompile.ir.circuit import AmplitudeState
from qcompile.ir.plan import DensityEvaluation
from qcompile.ir.primitives import Depolarise, Primitive, conjugate, decompose
from qcompile.ir.target import Target


class OuterStart:
    """|ψ⟩⟨ψ| of a real state."""

    def __init__(self, ket: Start) -> None:
        self.ket = ket

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor:
        state = self.ket(data, angles)[0, 0]
        outer = state.unsqueeze(1) * state.unsqueeze(0)
        return outer.reshape(1, 1, -1, state.shape[1])


def build_density(
    evaluation: DensityEvaluation, target: Target, constants: Constants
) -> CircuitProgram:
    circuit, noise = evaluation.circuit, evaluation.noise
    primitives: list[Primitive] = []
    for gate in circuit.gates:
        ket = decompose(gate, real=False)
        bra = [conjugate(primitive, circuit.qubits) for primitive in ket]
        primitives += [*ket, *bra]
        probability = noise.one_qubit if len(gate.qubits) == 1 else noise.two_qubit
        if probability:
            bras = tuple(qubit + circuit.qubits for qubit in gate.qubits)
            primitives.append(Depolarise(qubits=(*gate.qubits, *bras), probability=probability))
    start: Start = ZeroStart(2 * circuit.qubits)
    if isinstance(circuit.initial, AmplitudeState):
        start = OuterStart(AmplitudeStart(circuit.qubits, circuit.initial))
    return CircuitProgram(circuit, start, [Run(False, primitives)], target, constants, noise)
