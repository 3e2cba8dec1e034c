"""Exact values under a fake device's noise model, idle time included, on few qubits.

The state is a real vector over Pauli strings. Each gate is followed by the device's error of
qiskit-aer's noise model; qubits that wait between gates of an as-late-as-possible schedule relax.
Qubits take part from their first gate to their last, so that 4^k numbers are kept for the k that
do at a time. Needs qiskit-aer and qiskit-ibm-runtime.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from qcompile.ir.circuit import Circuit
from qcompile.testing.dense_oracle import Complex, Real, angle, gate_matrix


@dataclass(frozen=True, slots=True)
class NoisyGate:
    """One gate on physical qubits, its angles bound, or `measure` of one before the end."""

    name: str
    qubits: tuple[int, ...]
    angles: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class NoisyProgram:
    """What a compiler made: gates, and each output as the sign and the qubits of a Z string.

    An output may be the position of a `measure` instead of a string.
    """

    operations: tuple[NoisyGate, ...]
    outputs: tuple[tuple[int, tuple[int, ...]] | int, ...]


class NoisyDevice:
    """A fake device of qiskit-ibm-runtime by its class, such as `FakeTorino`."""

    def __init__(self, name: str) -> None:
        from qiskit_aer.noise import NoiseModel
        from qiskit_ibm_runtime import fake_provider

        self.backend = getattr(fake_provider, name)()
        self.target = self.backend.target
        model = NoiseModel.from_backend(self.backend)
        self._errors = model._local_quantum_errors
        self._reading = model._local_readout_errors
        self._transfers: dict[NoisyGate, Real] = {}

    def error(self, operation: NoisyGate) -> float:
        entry = self.target[operation.name].get(operation.qubits)
        return 1.0 if entry is None or entry.error is None else entry.error

    def duration(self, operation: NoisyGate) -> float:
        """Seconds."""
        entry = self.target[operation.name].get(operation.qubits)
        return 0.0 if entry is None or entry.duration is None else entry.duration

    def error_of(self, operation: NoisyGate) -> Any:
        """What follows the gate, a `QuantumError` of qiskit-aer; None where that is nothing."""
        return self._errors.get(operation.name, {}).get(operation.qubits)

    def reading(self, qubit: int) -> tuple[float, float]:
        """(P(read 1 | is 0), P(read 0 | is 1))."""
        matrix = self._reading.get((qubit,))
        if matrix is None:
            return 0.0, 0.0
        (_, up), (down, _) = matrix.probabilities
        return float(up), float(down)

    def transfer(self, operation: NoisyGate) -> Real:
        """Pauli transfer matrix of the gate with its error, first qubit most significant."""
        if operation.name == "measure":
            return np.diag([1.0, 0.0, 0.0, 1.0])
        if operation.name == "rz":
            cosine, sine = np.cos(operation.angles[0]), np.sin(operation.angles[0])
            return np.array(
                [[1, 0, 0, 0], [0, cosine, -sine, 0], [0, sine, cosine, 0], [0, 0, 0, 1]]
            )
        if operation not in self._transfers:
            self._transfers[operation] = self._noisy_transfer(operation)
        return self._transfers[operation]

    def relaxation(self, qubit: int, seconds: float) -> Real:
        """Pauli transfer matrix of waiting; Aer's thermal_relaxation_error at zero temperature."""
        properties = self.backend.qubit_properties(qubit)
        if properties.t1 is None or properties.t2 is None:
            return np.eye(4)
        t1 = properties.t1
        t2 = min(properties.t2, 2 * t1)
        decay, blur = np.exp(-seconds / t1), np.exp(-seconds / t2)
        result = np.diag([1.0, blur, blur, decay])
        result[3, 0] = 1 - decay
        return result

    def ideal_transfer(self, operation: NoisyGate) -> Real:
        """Pauli transfer matrix of the gate without its error, first qubit most significant."""
        return transfer_of(_matrix(operation))

    def _noisy_transfer(self, operation: NoisyGate) -> Real:
        ideal, noise = self.ideal_transfer(operation), self.noise(operation)
        return ideal if noise is None else np.asarray(noise @ ideal)

    def noise(self, operation: NoisyGate) -> Real | None:
        """Pauli transfer matrix of what follows the gate; None where that is nothing."""
        error = self.error_of(operation)
        if error is None:
            return None
        from qiskit.quantum_info import PTM

        # qiskit's first qubit is the least significant.
        noise = np.real(PTM(error.to_quantumchannel()).data)
        if len(operation.qubits) == 2:
            noise = noise.reshape(4, 4, 4, 4).transpose(1, 0, 3, 2).reshape(16, 16)
        return np.asarray(noise)


_PAULIS = np.array(
    [[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=complex
)


def transfer_of(matrix: Complex) -> Real:
    """Pauli transfer matrix of a unitary."""
    count = matrix.shape[0].bit_length() - 1
    strings = [_kron(parts) for parts in product(_PAULIS, repeat=count)]
    images = [matrix @ string @ matrix.conj().T for string in strings]
    rows = np.array([string.reshape(-1).conj() for string in strings])
    columns = np.array([image.reshape(-1) for image in images])
    return np.asarray(np.real(rows @ columns.T) / matrix.shape[0])


def _kron(parts: Sequence[Complex]) -> Complex:
    result: Complex = np.eye(1, dtype=complex)
    for part in parts:
        result = np.kron(result, part).astype(complex)
    return result


def _matrix(operation: NoisyGate) -> Complex:
    if operation.name == "id":
        return np.eye(2, dtype=complex)
    return gate_matrix(operation.name, operation.angles)


def idle_times(
    operations: Sequence[NoisyGate], device: NoisyDevice
) -> list[tuple[tuple[int, float], ...]]:
    """For each operation, how long (qubit, seconds) its qubits wait after it."""
    start: dict[int, float] = {}
    waits = []
    for operation in reversed(operations):
        end = min(start.get(qubit, 0.0) for qubit in operation.qubits)
        waits.append(
            tuple(
                (qubit, gap)
                for qubit in operation.qubits
                if (gap := start.get(qubit, 0.0) - end) > 1e-15
            )
        )
        begun = end - (device.duration(operation) if operation.name != "measure" else 0.0)
        start.update(dict.fromkeys(operation.qubits, begun))
    return waits[::-1]


def noisy_values(program: NoisyProgram, device: NoisyDevice) -> tuple[Real, Real]:
    """Values of the outputs as read, and with the errors of reading undone."""
    state = _State()
    last = {
        qubit: position
        for position, operation in enumerate(program.operations)
        for qubit in operation.qubits
    }
    # The position after which each output is known: that of a single qubit is not carried along.
    strings = [out for out in program.outputs if not isinstance(out, int)]
    kept = {qubit for _, qubits in strings if len(qubits) > 1 for qubit in qubits}
    single: dict[int, tuple[float, float]] = {}

    def reading(sign: int, qubits: tuple[int, ...]) -> tuple[float, float]:
        confusion = {}
        for qubit in qubits:
            up, down = device.reading(qubit)
            confusion[qubit] = (down - up, 1 - up - down)
        undone = state.expectation(dict.fromkeys(qubits, (0.0, 1.0)))
        return sign * state.expectation(confusion), sign * undone

    early: dict[int, tuple[float, float]] = {}
    waiting = idle_times(program.operations, device)
    for position, operation in enumerate(program.operations):
        if operation.name == "measure":
            early[position] = reading(1, operation.qubits)
        state.apply(device.transfer(operation), operation.qubits)
        for qubit, seconds in waiting[position]:
            state.apply(device.relaxation(qubit, seconds), (qubit,))
        for qubit in operation.qubits:
            if last[qubit] == position and qubit not in kept:
                single[qubit] = reading(1, (qubit,))
                state.drop(qubit)
    found = []
    for out in program.outputs:
        if isinstance(out, int):
            found.append(early[out])
        elif len(out[1]) == 1 and out[1][0] in single:
            raw, inverted = single[out[1][0]]
            found.append((out[0] * raw, out[0] * inverted))
        else:
            found.append(reading(*out))
    read, undone = zip(*found, strict=True)
    return np.array(read), np.array(undone)


class _State:
    """⟨P⟩ for all Pauli strings on the qubits that take part; the others are |0⟩ or traced out.

    Matrices of single qubits wait for the next gate of two.
    """

    def __init__(self) -> None:
        self.tensor: Any = np.ones((), dtype=np.float32)
        self.qubits: list[int] = []
        self.pending: dict[int, Real] = {}

    def apply(self, matrix: Real, qubits: tuple[int, ...]) -> None:
        self._enter(qubits)
        if len(qubits) == 1:
            self.pending[qubits[0]] = matrix @ self.pending[qubits[0]]
            return
        first, second = qubits
        whole = matrix @ np.kron(self.pending[first], self.pending[second])
        self.pending[first] = self.pending[second] = np.eye(4)
        self._contract(whole, qubits)

    def drop(self, qubit: int) -> None:
        place = self.qubits.index(qubit)
        self.tensor = self.tensor.take(0, axis=place)
        self.qubits.remove(qubit)
        del self.pending[qubit]

    def expectation(self, weights: dict[int, tuple[float, float]]) -> float:
        """Each qubit weighted by (identity, Z); qubits that are not named are traced out."""
        self._enter(tuple(weights))
        result: Any = self.tensor
        for qubit in reversed(self.qubits):
            identity, z = weights.get(qubit, (1.0, 0.0))
            result = result @ (identity * self.pending[qubit][0] + z * self.pending[qubit][3])
        return float(result)

    def _enter(self, qubits: tuple[int, ...]) -> None:
        for qubit in qubits:
            if qubit not in self.qubits:
                self.qubits.append(qubit)
                self.tensor = self.tensor[..., None] * np.array([1, 0, 0, 1], dtype=np.float32)
                self.pending[qubit] = np.eye(4)

    def _contract(self, matrix: Real, qubits: tuple[int, ...]) -> None:
        count = len(qubits)
        places = [self.qubits.index(qubit) for qubit in qubits]
        shaped = matrix.astype(np.float32).reshape((4,) * (2 * count))
        # The result's axes come first; the qubits are renumbered instead of moving them.
        self.tensor = np.tensordot(shaped, self.tensor, (range(count, 2 * count), places))
        self.qubits = [*qubits, *(q for q in self.qubits if q not in qubits)]


def ideal_values(circuit: Circuit, data: Real, angles: Real) -> Real:
    """⟨Z⟩ on every qubit without noise."""
    state = np.zeros((2,) * circuit.qubits, dtype=complex)
    state[(0,) * circuit.qubits] = 1.0
    for gate in circuit.gates:
        count = len(gate.qubits)
        matrix = gate_matrix(gate.name, [angle(a, data, angles) for a in gate.angles])
        shaped = matrix.reshape((2,) * (2 * count))
        state = np.tensordot(shaped, state, (range(count, 2 * count), gate.qubits))
        state = np.moveaxis(state, range(count), gate.qubits)
    weights = np.abs(state) ** 2
    result = []
    for qubit in range(circuit.qubits):
        zero, one = np.moveaxis(weights, qubit, 0)
        result.append(zero.sum() - one.sum())
    return np.array(result)
