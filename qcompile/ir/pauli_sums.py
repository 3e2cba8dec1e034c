"""Every output of a circuit as a sum of Pauli strings, the form in which back ends take it."""

from __future__ import annotations

from itertools import combinations

from qcompile.ir.circuit import Expectations, Probabilities, Readout
from qcompile.ir.matrices import PauliLetter

PauliSum = tuple[tuple[float, tuple[tuple[int, PauliLetter], ...]], ...]
"""(factor, (qubit, letter) sorted by qubit) of each string."""


def pauli_sums(readout: Readout) -> tuple[PauliSum, ...]:
    """One for each output.

    A Pauli string is itself, with its sign. The probability of an outcome of k qubits is a
    projector, the product of (1 ± Z) / 2: 2^k strings.
    """
    match readout:
        case Expectations(paulis=paulis):
            return tuple(((float(pauli.sign), pauli.letters),) for pauli in paulis)
        case Probabilities(qubits=qubits):
            return tuple(_projector(outcome, qubits) for outcome in range(2 ** len(qubits)))


def ones_of(outcome: int, qubits: tuple[int, ...]) -> frozenset[int]:
    """The qubits that are read as 1 in an outcome; the first is its most significant bit."""
    return frozenset(q for k, q in enumerate(reversed(qubits)) if outcome >> k & 1)


def _projector(outcome: int, qubits: tuple[int, ...]) -> PauliSum:
    ones, letter = ones_of(outcome, qubits), _Z
    return tuple(
        (
            (-1.0) ** len(ones.intersection(chosen)) / 2 ** len(qubits),
            tuple(sorted((qubit, letter) for qubit in chosen)),
        )
        for size in range(len(qubits) + 1)
        for chosen in combinations(qubits, size)
    )


_Z: PauliLetter = "Z"
