"""Facts about circuits: sizes, depth, dependence on data and angles, realness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from qcompile.ir.circuit import Circuit, Gate, Pauli
from qcompile.ir.gates import GATES, GateName


def depends_on_data(gate: Gate) -> bool:
    """Whether an angle of the gate contains data."""
    return any(angle.data for angle in gate.angles)


def is_trainable(gate: Gate) -> bool:
    """Whether an angle of the gate contains a trainable parameter."""
    return any(angle.angles for angle in gate.angles)


def used_angles(gates: Iterable[Gate]) -> frozenset[int]:
    """Indices of the trainable angles in the gates."""
    return frozenset(i for gate in gates for angle in gate.angles for i, _ in angle.angles)


def used_data(gates: Iterable[Gate]) -> frozenset[int]:
    """Indices of the data elements in the gates' angles."""
    return frozenset(i for gate in gates for angle in gate.angles for i, _ in angle.data)


def gate_counts(gates: Iterable[Gate]) -> tuple[tuple[GateName, int], ...]:
    """(name, how often), sorted by name."""
    return tuple(sorted(Counter(gate.name for gate in gates).items()))


def two_qubit_gates(gates: Iterable[Gate]) -> int:
    """How many gates act on two qubits."""
    return sum(len(gate.qubits) == 2 for gate in gates)


def depth(gates: Iterable[Gate]) -> int:
    """Layers when every gate is done as early as its qubits allow."""
    level: dict[int, int] = {}
    for gate in gates:
        now = 1 + max(level.get(qubit, 0) for qubit in gate.qubits)
        level.update(dict.fromkeys(gate.qubits, now))
    return max(level.values(), default=0)


def is_real(circuit: Circuit) -> bool:
    """Whether all gates have real matrices, so that the state is real for every input."""
    return all(GATES[gate.name].real for gate in circuit.gates)


def is_z_string(pauli: Pauli) -> bool:
    """Whether a string has no other letter than Z."""
    return all(letter == "Z" for _, letter in pauli.letters)


def leading_encodings(gates: Sequence[Gate]) -> tuple[tuple[Gate, ...], tuple[Gate, ...]]:
    """One-qubit gates up to the last encoding on each qubit before any other gate; and the rest.

    On a state that is a product they leave a product.
    """
    blocked: set[int] = set()
    last: dict[int, int] = {}
    for index, gate in enumerate(gates):
        if len(gate.qubits) > 1:
            blocked.update(gate.qubits)
        elif gate.qubits[0] not in blocked and depends_on_data(gate):
            last[gate.qubits[0]] = index
    first: list[Gate] = []
    rest: list[Gate] = []
    for index, gate in enumerate(gates):
        alone = len(gate.qubits) == 1 and index <= last.get(gate.qubits[0], -1)
        (first if alone else rest).append(gate)
    return tuple(first), tuple(rest)


def data_layers(gates: Iterable[Gate]) -> int:
    """Runs of data-dependent gates in the order of the gates."""
    layers, inside = 0, False
    for gate in gates:
        now = depends_on_data(gate)
        layers += now and not inside
        inside = now
    return layers
