"""pytket's own statevector as an oracle. Angles are half-turns; qubit 0 is the most significant."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from qcompile.ir.circuit import Circuit, Expectations, Pauli, Probabilities
from qcompile.testing.dense_oracle import Real, angle, initial_state

if TYPE_CHECKING:
    from pytket.circuit import Circuit as TketCircuit

OP_TYPES = {
    "x": "X", "y": "Y", "z": "Z", "h": "H", "s": "S", "sdg": "Sdg", "t": "T", "tdg": "Tdg",
    "sx": "SX", "sxdg": "SXdg", "rx": "Rx", "ry": "Ry", "rz": "Rz", "phase": "U1",
    "cx": "CX", "cy": "CY", "cz": "CZ", "ch": "CH", "swap": "SWAP", "iswap": "ISWAPMax",
    "ecr": "ECR", "prx": "PhasedX", "gpi": "GPI", "gpi2": "GPI2", "ms": "AAMS",
    "crx": "CRx", "cry": "CRy", "crz": "CRz", "cphase": "CU1",
    "rxx": "XXPhase", "ryy": "YYPhase", "rzz": "ZZPhase",
}  # fmt: skip


def tket_circuit(circuit: Circuit, data: Real, angles: Real) -> TketCircuit:
    """The gates, without initial state and read-out, for one row of data."""
    from pytket.circuit import Circuit as TketCircuit
    from pytket.circuit import OpType

    native = TketCircuit(circuit.qubits)
    for gate in circuit.gates:
        qubits = list(gate.qubits)
        turns = [angle(a, data, angles) / math.pi for a in gate.angles]
        match gate.name:
            case "rot":
                native.Rz(turns[0], qubits[0]).Ry(turns[1], qubits[0]).Rz(turns[2], qubits[0])
            case "u2":
                native.Rz(turns[1], qubits[0]).Ry(0.5, qubits[0]).Rz(turns[0], qubits[0])
            case "rzx":
                native.H(qubits[1]).ZZPhase(turns[0], *qubits).H(qubits[1])
            case "rxy":
                native.add_gate(OpType.ISWAP, [-turns[0]], qubits)
            case name:
                assert name in OP_TYPES, f"no oracle for gate `{name}`: add it to OP_TYPES"
                native.add_gate(getattr(OpType, OP_TYPES[name]), turns, qubits)
    return native


def pytket_outputs(circuit: Circuit, data: Real, angles: Real) -> Real:
    """(B, outputs) for data (B, data_width) and angles (angle_count,)."""
    rows = []
    for row in data:
        unitary = tket_circuit(circuit, row, angles).get_unitary()
        state = unitary @ initial_state(circuit, row)
        match circuit.readout:
            case Expectations(paulis=paulis):
                rows.append([_expectation(p, state, circuit.qubits) for p in paulis])
            case Probabilities(qubits=kept):
                weights = np.abs(state.reshape((2,) * circuit.qubits)) ** 2
                rest = tuple(q for q in range(circuit.qubits) if q not in kept)
                ranks = np.argsort(np.argsort(kept))
                rows.append(list(weights.sum(axis=rest).transpose(ranks).ravel()))
    return np.asarray(rows, dtype=np.float64).reshape(len(data), circuit.outputs)


def _expectation(
    pauli: Pauli, state: np.ndarray[tuple[int, ...], np.dtype[np.complex128]], n: int
) -> float:
    from pytket.circuit import Qubit
    from pytket.pauli import Pauli as TketPauli
    from pytket.pauli import QubitPauliString

    letters = {Qubit(q): getattr(TketPauli, letter) for q, letter in pauli.letters}
    value = QubitPauliString(letters).state_expectation(state, [Qubit(q) for q in range(n)])
    return float(pauli.sign * complex(value).real)
