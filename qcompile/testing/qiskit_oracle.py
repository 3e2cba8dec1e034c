"""Qiskit's own statevector as an oracle. Qiskit's qubit 0 is the *least* significant bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from qcompile.ir.circuit import Circuit, Expectations, Pauli, Probabilities
from qcompile.testing.dense_oracle import Complex, Real, angle, initial_state

CLASSES = {
    "x": "XGate", "y": "YGate", "z": "ZGate", "h": "HGate", "s": "SGate", "sdg": "SdgGate",
    "t": "TGate", "tdg": "TdgGate", "sx": "SXGate", "sxdg": "SXdgGate", "rx": "RXGate",
    "ry": "RYGate", "rz": "RZGate", "phase": "PhaseGate", "cx": "CXGate", "cy": "CYGate",
    "cz": "CZGate", "ch": "CHGate", "swap": "SwapGate", "iswap": "iSwapGate", "crx": "CRXGate",
    "ecr": "ECRGate", "prx": "RGate",
    "cry": "CRYGate", "crz": "CRZGate", "cphase": "CPhaseGate", "rxx": "RXXGate",
    "ryy": "RYYGate", "rzz": "RZZGate", "rzx": "RZXGate", "rxy": "XXPlusYYGate",
}  # fmt: skip


def qiskit_gates(circuit: Circuit, data: Real, angles: Real) -> list[tuple[int, Any, list[int]]]:
    """(index of our gate, Qiskit gate, qubits) for one row of data; `rot` becomes three."""
    from qiskit.circuit import library

    found: list[tuple[int, Any, list[int]]] = []
    for index, gate in enumerate(circuit.gates):
        values = [angle(a, data, angles) for a in gate.angles]
        if gate.name == "rot":
            names = ("RZGate", "RYGate", "RZGate")
            parts = [getattr(library, n)(v) for n, v in zip(names, values, strict=True)]
        elif gate.name == "u2":
            parts = [
                library.RZGate(values[1]),
                library.RYGate(np.pi / 2),
                library.RZGate(values[0]),
            ]
        elif gate.name in ("gpi", "gpi2"):
            pulse = library.XGate() if gate.name == "gpi" else library.RXGate(np.pi / 2)
            parts = [library.RZGate(-values[0]), pulse, library.RZGate(values[0])]
        elif gate.name == "ms":
            parts = [library.UnitaryGate(_ms(*values))]
        else:
            assert gate.name in CLASSES, f"no oracle for gate `{gate.name}`: add it to CLASSES"
            parts = [getattr(library, CLASSES[gate.name])(*values)]
        found += [(index, part, list(gate.qubits)) for part in parts]
    return found


def _ms(angle: float, first: float, second: float) -> Any:
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import Operator

    parts = QuantumCircuit(2)
    parts.rz(-first, 0)
    parts.rz(-second, 1)
    parts.rxx(angle, 0, 1)
    parts.rz(first, 0)
    parts.rz(second, 1)
    return Operator(parts)


def little_endian(state: Complex, qubits: int) -> Complex:
    """Reverse the order of the bits of a state (2^qubits,)."""
    return state.reshape((2,) * qubits).transpose().reshape(-1)


def pauli_label(pauli: Pauli, qubits: int) -> str:
    """Qiskit's label: the last qubit first, with the sign in front."""
    letters = ["I"] * qubits
    for qubit, letter in pauli.letters:
        letters[qubits - 1 - qubit] = letter
    return ("-" if pauli.sign < 0 else "") + "".join(letters)


def qiskit_outputs(circuit: Circuit, data: Real, angles: Real) -> Real:
    """(B, outputs) for data (B, data_width) and angles (angle_count,)."""
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import Pauli as QiskitPauli
    from qiskit.quantum_info import SparsePauliOp, Statevector

    rows = []
    for row in data:
        native = QuantumCircuit(circuit.qubits)
        for _, gate, qubits in qiskit_gates(circuit, row, angles):
            native.append(gate, qubits)
        start = little_endian(initial_state(circuit, row), circuit.qubits)
        state = Statevector(start).evolve(native)
        match circuit.readout:
            case Expectations(paulis=paulis):
                operators = [
                    SparsePauliOp(QiskitPauli(pauli_label(p, circuit.qubits))) for p in paulis
                ]
                rows.append([state.expectation_value(o).real for o in operators])
            case Probabilities(qubits=kept):
                rows.append(list(state.probabilities(list(reversed(kept)))))
    return np.asarray(rows, dtype=np.float64).reshape(len(data), circuit.outputs)
