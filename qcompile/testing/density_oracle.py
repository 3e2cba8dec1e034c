"""Qiskit's density matrix with depolarising channels after the gates and read-out errors."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np

from qcompile.ir.circuit import Circuit, Expectations, Pauli, Probabilities
from qcompile.ir.gates import GATES
from qcompile.ir.target import NoiseModel
from qcompile.testing.dense_oracle import Real, initial_state
from qcompile.testing.qiskit_oracle import little_endian, qiskit_gates


def density_outputs(circuit: Circuit, noise: NoiseModel, data: Real, angles: Real) -> Real:
    """(B, outputs) for data (B, data_width) and angles (angle_count,), exact, no shots.

    A read-out flips each measured bit with the probabilities of `noise.readout`; a Pauli string
    is measured as the parity of its qubits after noiseless rotations to the Z basis.
    """
    from qiskit.quantum_info import DensityMatrix

    channels = {1: _depolarising(noise.one_qubit, 1), 2: _depolarising(noise.two_qubit, 2)}
    rows = []
    for row in data:
        start = little_endian(initial_state(circuit, row), circuit.qubits)
        state = DensityMatrix(start)
        natives = qiskit_gates(circuit, row, angles)
        for index, gate in enumerate(circuit.gates):
            for _, native, qubits in (entry for entry in natives if entry[0] == index):
                state = state.evolve(native, qargs=qubits)
            state = state.evolve(channels[GATES[gate.name].qubits], qargs=list(gate.qubits))
        match circuit.readout:
            case Expectations(paulis=paulis):
                rows.append([_parity(state, pauli, noise) for pauli in paulis])
            case Probabilities(qubits=kept):
                rows.append(list(_observed(state, kept, noise)))
    return np.asarray(rows, dtype=np.float64).reshape(len(data), circuit.outputs)


def _depolarising(probability: float, qubits: int) -> Any:
    """(1 - p) ρ + p tr(ρ) 1/2^k as Kraus operators: every Pauli string with p/4^k."""
    from qiskit.quantum_info import Kraus
    from qiskit.quantum_info import Pauli as QiskitPauli

    operators = []
    for letters in product("IXYZ", repeat=qubits):
        weight = probability / 4**qubits
        if set(letters) == {"I"}:
            weight += 1 - probability
        operators.append(math.sqrt(weight) * QiskitPauli("".join(letters)).to_matrix())
    return Kraus(operators)


def _observed(state: Any, kept: tuple[int, ...], noise: NoiseModel) -> Real:
    """Probabilities of what is read on `kept`, the first listed the most significant bit."""
    exact = state.probabilities(list(reversed(kept)))
    up, down = noise.readout
    confusion = np.array([[1 - up, down], [up, 1 - down]])
    total = np.eye(1)
    for _ in kept:
        total = np.kron(total, confusion)
    return np.asarray(total @ exact)


def _parity(state: Any, pauli: Pauli, noise: NoiseModel) -> float:
    from qiskit.circuit.library import HGate, SdgGate

    if not pauli.letters:
        return float(pauli.sign)
    for qubit, letter in pauli.letters:
        if letter == "Y":
            state = state.evolve(SdgGate(), qargs=[qubit])
        if letter in ("X", "Y"):
            state = state.evolve(HGate(), qargs=[qubit])
    weights = _observed(state, tuple(qubit for qubit, _ in pauli.letters), noise)
    signs = [(-1) ** index.bit_count() for index in range(len(weights))]
    return float(pauli.sign * np.dot(signs, weights))
