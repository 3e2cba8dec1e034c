"""What the executor does for a circuit, as a value: counted by `count`, carried out by `build`.

A state is one real vector for each connected set of qubits, a *part*: the expectation values of all
Pauli strings on its qubits. Everything between two uses of data that acts on the same qubit, or
the same two, is one matrix, noise included, and is built once a call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qcompile.ir.circuit import Affine, Pauli
from qcompile.ir.matrices import PauliLetter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Real = NDArray[Any]

PLANES: dict[PauliLetter, tuple[int, int]] = {"X": (2, 3), "Y": (3, 1), "Z": (1, 2)}
"""The letters, as positions in I X Y Z, of which a turn takes the first towards the second."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fixed:
    """A matrix that is known, (4^k, 4^k)."""

    matrix: Real


@dataclass(frozen=True, slots=True, kw_only=True)
class AngleTurn:
    """exp(-i t P / 2) by an angle without data, on one of the step's qubits."""

    place: int
    """Which of them."""
    axis: PauliLetter
    angle: Affine


Factor = Fixed | AngleTurn


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """The part `second` becomes the last qubits of `first`."""

    first: int
    second: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MatrixStep:
    """A matrix on the first qubits of a part."""

    part: int
    qubits: int
    """How many it acts on, 1 or 2."""
    order: tuple[int, ...] | None
    """How the part's qubits are ordered anew before; None: as they are."""
    factors: tuple[Factor, ...]
    """The first acting first; no two neighbours are fixed."""

    @property
    def size(self) -> int:
        return int(4**self.qubits)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTurn:
    """exp(-i t P / 2) by an angle with data."""

    part: int
    place: int
    """Which qubit of the part."""
    axis: PauliLetter
    angle: Affine


Step = Join | MatrixStep | DataTurn


@dataclass(frozen=True, slots=True, kw_only=True)
class StringRead:
    """The values of Pauli strings; letters by qubits of the circuit."""

    paulis: tuple[Pauli, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRead:
    """The distribution of what is read of some letters, the first the most significant bit."""

    letters: tuple[tuple[int, PauliLetter], ...]
    sign: int | None
    """Of their product, where that is the value that is wanted; None: the distribution is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferProgram:
    """data (B, w), angles (k,) → (B, outputs)."""

    parts: int
    """How many there are at first, of one qubit each in |0⟩."""
    steps: tuple[Step, ...]
    places: tuple[tuple[int, tuple[int, ...]], ...]
    """The parts at last: (part, the circuit's qubits in it, in order)."""
    reads: tuple[StringRead | OutcomeRead, ...]
    """Their results are the outputs, one after the other."""
    readout: tuple[tuple[float, float], ...]
    """Per qubit of the circuit (P(read 1 | is 0), P(read 0 | is 1)), as the values show them."""
    mitigated: bool
    """Errors of reading are undone on the frequencies of faulty outcomes."""
    shots: int | None
