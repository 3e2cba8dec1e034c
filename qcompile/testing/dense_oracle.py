"""Dense matrices in complex128: every gate from its generator, embedded as a 2^n × 2^n unitary.

Slow and independent of the compiler on purpose. Bit order and gates as in `qcompile.ir.gates`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from qcompile.ir.circuit import (
    Affine,
    AmplitudeState,
    Circuit,
    Expectations,
    Gate,
    Pauli,
    Probabilities,
)

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

PAULIS: dict[str, Complex] = {
    "I": np.eye(2, dtype=np.complex128),
    "X": np.array([[0, 1], [1, 0]], dtype=np.complex128),
    "Y": np.array([[0, -1j], [1j, 0]], dtype=np.complex128),
    "Z": np.array([[1, 0], [0, -1]], dtype=np.complex128),
}
HADAMARD: Complex = np.array([[1, 1], [1, -1]], dtype=np.complex128) / np.sqrt(2)


def angle(affine: Affine, data: Real, angles: Real) -> float:
    """Value in radians for one row of data (data_width,)."""
    value = affine.constant
    value += sum(factor * data[index] for index, factor in affine.data)
    value += sum(factor * angles[index] for index, factor in affine.angles)
    return float(value)


def gate_matrix(name: str, angles: Sequence[float] = ()) -> Complex:
    """(2^k, 2^k), first qubit most significant."""
    match name:
        case "x" | "y" | "z":
            return PAULIS[name.upper()]
        case "h":
            return HADAMARD
        case "s":
            return _power("Z", 0.5)
        case "sdg":
            return _power("Z", -0.5)
        case "t":
            return _power("Z", 0.25)
        case "tdg":
            return _power("Z", -0.25)
        case "sx":
            return _power("X", 0.5)
        case "sxdg":
            return _power("X", -0.5)
        case "rx" | "ry" | "rz" | "rxx" | "ryy" | "rzz" | "rzx":
            return _evolve(pauli_product(name[1:].upper()), angles[0] / 2)
        case "phase":
            return np.diag(np.exp([0.0, 1j * angles[0]]))
        case "rot":
            first, second, third = (
                gate_matrix(axis, (value,))
                for axis, value in zip(("rz", "ry", "rz"), angles, strict=True)
            )
            return third @ second @ first
        case "u2":
            return gate_matrix("rot", (angles[1], np.pi / 2, angles[0]))
        case "prx":
            return _evolve(gate_matrix("gpi", angles[1:]), angles[0] / 2)
        case "gpi":
            return np.asarray(np.cos(angles[0]) * PAULIS["X"] + np.sin(angles[0]) * PAULIS["Y"])
        case "gpi2":
            return gate_matrix("prx", (np.pi / 2, angles[0]))
        case "ms":
            sides = [gate_matrix("gpi", (value,)) for value in angles[1:]]
            return _evolve(np.asarray(np.kron(*sides)), angles[0] / 2)
        case "cx" | "cy" | "cz" | "ch" | "crx" | "cry" | "crz" | "cphase":
            return _controlled(gate_matrix(name[1:], angles))
        case "swap":
            return np.asarray(np.stack([pauli_product(p + p) for p in "IXYZ"]).sum(axis=0) / 2)
        case "iswap":
            return _evolve(pauli_product("XX") + pauli_product("YY"), -np.pi / 4)
        case "rxy":
            return _evolve(pauli_product("XX") + pauli_product("YY"), angles[0] / 4)
        case "ecr":
            return np.asarray((pauli_product("XI") - pauli_product("YX")) / np.sqrt(2))
        case _:
            raise ValueError(f"no oracle for gate `{name}`: give gate_matrix a case for it")


def pauli_product(letters: str) -> Complex:
    """Kronecker product of the letters of `letters`, first letter most significant."""
    matrix: Complex = np.eye(1, dtype=np.complex128)
    for letter in letters:
        matrix = np.asarray(np.kron(matrix, PAULIS[letter]), dtype=np.complex128)
    return matrix


def _evolve(generator: Complex, time: float) -> Complex:
    """exp(-i time generator) for a Hermitian generator."""
    values, vectors = np.linalg.eigh(generator)
    return np.asarray((vectors * np.exp(-1j * time * values)) @ vectors.conj().T)


def _power(letter: str, exponent: float) -> Complex:
    """P^exponent with eigenvalues 1 and exp(iπ exponent)."""
    half = np.pi * exponent / 2
    return np.asarray(np.exp(1j * half) * _evolve(PAULIS[letter], half))


def _controlled(matrix: Complex) -> Complex:
    zero, one = np.diag([1.0, 0.0]), np.diag([0.0, 1.0])
    return np.asarray(np.kron(zero, np.eye(2)) + np.kron(one, matrix))


def embed(matrix: Complex, qubits: Sequence[int], total: int) -> Complex:
    """`matrix` on `qubits` of `total`, the identity elsewhere: (2^total, 2^total)."""
    rest = [q for q in range(total) if q not in qubits]
    order = [*qubits, *rest]
    full = np.kron(matrix, np.eye(2 ** len(rest))).reshape((2,) * (2 * total))
    axes = [order.index(q) for q in range(total)]
    return np.asarray(
        full.transpose([*axes, *(total + a for a in axes)]).reshape(2**total, 2**total)
    )


def dense_unitary(gates: Sequence[Gate], qubits: int, data: Real, angles: Real) -> Complex:
    """Product of all gates, the first acting first, for one row of data: (2^qubits, 2^qubits)."""
    unitary: Complex = np.eye(2**qubits, dtype=np.complex128)
    for gate in gates:
        values = [angle(a, data, angles) for a in gate.angles]
        unitary = embed(gate_matrix(gate.name, values), gate.qubits, qubits) @ unitary
    return unitary


def initial_state(circuit: Circuit, data: Real) -> Complex:
    """(2^qubits,) for one row of data."""
    state: Complex = np.zeros(2**circuit.qubits, dtype=np.complex128)
    if isinstance(circuit.initial, AmplitudeState):
        start, width = circuit.initial.offset, circuit.initial.width
        state[:width] = data[start : start + width]
    norm = float(np.linalg.norm(state))
    if norm == 0.0:
        state[0] = norm = 1.0
    return np.asarray(state / norm)


def dense_state(circuit: Circuit, data: Real, angles: Real) -> Complex:
    """Final state (2^qubits,) for one row of data."""
    state = initial_state(circuit, data)
    for gate in circuit.gates:
        values = [angle(a, data, angles) for a in gate.angles]
        state = embed(gate_matrix(gate.name, values), gate.qubits, circuit.qubits) @ state
    return state


def observable_matrix(pauli: Pauli, qubits: int) -> Complex:
    """(2^qubits, 2^qubits)."""
    letters = ["I"] * qubits
    for qubit, letter in pauli.letters:
        letters[qubit] = letter
    return np.asarray(pauli.sign * pauli_product("".join(letters)))


def marginal(distribution: Real, kept: Sequence[int], qubits: int) -> Real:
    """Probabilities (2^len(kept),) of the outcomes on `kept`, first listed most significant."""
    result: Real = np.zeros(2 ** len(kept))
    for index, weight in enumerate(distribution):
        bits = [(index >> (qubits - 1 - q)) & 1 for q in kept]
        result[reduce(lambda head, bit: 2 * head + bit, bits, 0)] += weight
    return result


def dense_outputs(circuit: Circuit, data: Real, angles: Real) -> Real:
    """(B, outputs) for data (B, data_width) and angles (angle_count,)."""
    rows = []
    for row in data:
        state = dense_state(circuit, row, angles)
        match circuit.readout:
            case Expectations(paulis=paulis):
                rows.append(
                    [
                        np.vdot(state, observable_matrix(p, circuit.qubits) @ state).real
                        for p in paulis
                    ]
                )
            case Probabilities(qubits=kept):
                rows.append(list(marginal(np.abs(state) ** 2, kept, circuit.qubits)))
    return np.asarray(rows, dtype=np.float64).reshape(len(data), circuit.outputs)
