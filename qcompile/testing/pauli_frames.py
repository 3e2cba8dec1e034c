"""Pauli strings, Clifford gates and errors as what noise does to a circuit of Pauli rotations.

A circuit of Clifford gates and rz is a sequence of rotations about Pauli strings. A Pauli error on
the way changes signs of later rotations and of outputs, and nothing else. Relaxation is a mixture
of Pauli errors and resets to |0⟩, with small negative weights where T2 > T1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, reduce
from itertools import product

import numpy as np

from qcompile.testing.dense_oracle import Real

CLOSE = 1e-6
"""Within which a matrix counts as that of a Clifford gate, or an angle as a multiple of π/2."""


@dataclass(frozen=True, slots=True)
class PauliFrame:
    """i^phase X^x Z^z; bit q of x and z stands for qubit q."""

    x: int = 0
    z: int = 0
    phase: int = 0

    def __mul__(self, other: PauliFrame) -> PauliFrame:
        swaps = (self.z & other.x).bit_count()
        phase = (self.phase + other.phase + 2 * swaps) % 4
        return PauliFrame(self.x ^ other.x, self.z ^ other.z, phase)


LETTERS = ("I", "X", "Y", "Z")


def letters_times(
    signed: tuple[int, tuple[int, ...]], images: Sequence[dict[int, PauliFrame]]
) -> PauliFrame:
    """A signed string of letters (0 to 3), with each letter replaced by its image."""
    sign, letters = signed
    result = PauliFrame(phase=0 if sign > 0 else 2)
    for letter, image in zip(letters, images, strict=True):
        if letter:
            result = result * image[letter]
    return result


class Tableau:
    """For each qubit the strings C† X C, C† Y C and C† Z C of the Clifford gates C so far."""

    def __init__(self, qubits: int) -> None:
        self.images = [
            {1: PauliFrame(1 << q, 0), 2: PauliFrame(1 << q, 1 << q, 1), 3: PauliFrame(0, 1 << q)}
            for q in range(qubits)
        ]

    def apply(self, clifford: Clifford, qubits: tuple[int, ...]) -> None:
        old = [self.images[qubit] for qubit in qubits]
        for place, qubit in enumerate(qubits):
            self.images[qubit] = {
                letter: letters_times(clifford.backward[_single(letter, place, len(qubits))], old)
                for letter in (1, 2, 3)
            }


def _single(letter: int, place: int, count: int) -> tuple[int, ...]:
    return tuple(letter if index == place else 0 for index in range(count))


@dataclass(frozen=True, slots=True, eq=False)
class Clifford:
    """A gate by what it does to strings of letters (0 to 3 for I, X, Y, Z)."""

    backward: dict[tuple[int, ...], tuple[int, tuple[int, ...]]]
    """Letters → (sign, letters) of G† P G."""
    moves: tuple[tuple[int, ...], ...]
    """Of the bits x0, z0, x1, z1, … of an error before the gate, those that make each bit after."""


def clifford_of(transfer: Real) -> Clifford | None:
    """The Clifford gate of a Pauli transfer matrix, first qubit most significant."""
    count = transfer.shape[0].bit_length() // 2
    if np.abs(np.abs(transfer).max(axis=0) - 1).max() > CLOSE:
        return None
    strings = list(product(range(4), repeat=count))
    backward, forward = {}, {}
    for index, letters in enumerate(strings):
        source = int(np.abs(transfer[index]).argmax())
        backward[letters] = (1 if transfer[index, source] > 0 else -1, strings[source])
        forward[letters] = strings[int(np.abs(transfer[:, index]).argmax())]
    columns = [
        _bits(forward[_single(letter, place, count)]) for place in range(count) for letter in (1, 3)
    ]
    moves = tuple(
        tuple(source for source, column in enumerate(columns) if column[bit])
        for bit in range(2 * count)
    )
    return Clifford(backward=backward, moves=moves)


def _bits(letters: tuple[int, ...]) -> list[bool]:
    return [bit for letter in letters for bit in (letter in (1, 2), letter in (2, 3))]


# Per qubit: how the five events I, X, Y, Z and reset show in the entries II, XX, YY, ZZ, ZI.
_EVENTS = np.array(
    [[1, 1, 1, 1, 1], [1, 1, -1, -1, 0], [1, -1, 1, -1, 0], [1, -1, -1, 1, 0], [0, 0, 0, 0, 1]],
    dtype=float,
)
_ENTRIES = ((0, 0), (1, 1), (2, 2), (3, 3), (3, 0))
RESET = 4


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """An error as events with weights that add up to one; nothing happens in the first."""

    events: tuple[tuple[int, ...], ...]
    """Per qubit 0 to 3 for a Pauli error, `RESET`."""
    weights: Real
    total: float = field(init=False)
    """Of the sizes of the weights; over 1 where some are negative."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", float(np.abs(self.weights).sum()))

    def drawn(self, random: np.random.Generator, count: int) -> np.ndarray:
        """(count,) numbers of events, by the sizes of their weights."""
        edges = np.cumsum(np.abs(self.weights))[:-1] / self.total
        return np.searchsorted(edges, random.random(count)).astype(np.int8)


def mixture_of(noise: Real) -> Mixture | None:
    """The mixture that makes a Pauli transfer matrix of an error, None of no error.

    Raises:
        ValueError: It takes more than Pauli errors and relaxation to |0⟩.
    """
    count = noise.shape[0].bit_length() // 2
    events = list(product(range(5), repeat=count))
    places = [
        tuple(
            reduce(lambda n, entry: 4 * n + entry, parts, 0) for parts in zip(*chosen, strict=True)
        )
        for chosen in product(_ENTRIES, repeat=count)
    ]
    entries = np.array([noise[place] for place in places])
    weights = _inverse(count) @ entries
    rest = noise.copy()
    for place in places:
        rest[place] = 0
    if np.abs(rest).max() > CLOSE:
        raise ValueError("an error that is neither of Pauli strings nor relaxation")
    kept = [0, *(i for i in range(1, len(events)) if abs(weights[i]) > 1e-12)]
    if len(kept) == 1:
        return None
    return Mixture(events=tuple(events[i] for i in kept), weights=weights[kept])


@cache
def _inverse(count: int) -> Real:
    return np.asarray(reduce(np.kron, [np.linalg.inv(_EVENTS)] * count))
