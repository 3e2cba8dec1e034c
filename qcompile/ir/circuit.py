"""Circuits for concrete sizes: gates whose angles are affine in data and trainable parameters.

Our own form, because only we know what is data, what is trainable and what is measured.
Qubit 0 is the most significant bit of a basis state index. Angles are radians.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qcompile.ir.matrices import PauliLetter


@dataclass(frozen=True, slots=True, kw_only=True)
class Affine:
    """constant + Σ c · data[i] + Σ c · angles[j].

    `data` and `angles` are (index, coefficient) pairs, sorted by index, without repeats or zeros.
    """

    constant: float = 0.0
    data: tuple[tuple[int, float], ...] = ()
    angles: tuple[tuple[int, float], ...] = ()

    @property
    def is_constant(self) -> bool:
        return not self.data and not self.angles

    def plus(self, other: Affine) -> Affine:
        return Affine(
            constant=self.constant + other.constant,
            data=_merge(self.data, other.data),
            angles=_merge(self.angles, other.angles),
        )

    def substitute(self, angles: tuple[Affine, ...]) -> Affine:
        """The same with `angles[j]` for the trainable angle j."""
        if not self.constant and not self.data and len(self.angles) == 1:
            index, factor = self.angles[0]
            return angles[index] if factor == 1.0 else angles[index].times(factor)
        total = Affine(constant=self.constant, data=self.data)
        for index, factor in self.angles:
            total = total.plus(angles[index].times(factor))
        return total

    def times(self, factor: float) -> Affine:
        return Affine(
            constant=self.constant * factor,
            data=tuple((i, c * factor) for i, c in self.data if c * factor != 0.0),
            angles=tuple((i, c * factor) for i, c in self.angles if c * factor != 0.0),
        )


def _merge(
    left: tuple[tuple[int, float], ...], right: tuple[tuple[int, float], ...]
) -> tuple[tuple[int, float], ...]:
    total = dict(left)
    for index, coefficient in right:
        total[index] = total.get(index, 0.0) + coefficient
    return tuple(sorted((i, c) for i, c in total.items() if c != 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One gate; `angles` has as many entries as `GATES[name].angles`."""

    name: str
    qubits: tuple[int, ...]
    angles: tuple[Affine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroState:
    """|0…0⟩."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AmplitudeState:
    """z / ‖z‖ with z = data[offset : offset + width] zero-padded to 2^n; z = 0 gives |0…0⟩."""

    offset: int
    width: int


InitialState = ZeroState | AmplitudeState


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauli:
    """A signed Pauli string; the empty string is the identity."""

    letters: tuple[tuple[int, PauliLetter], ...]
    """(qubit, letter) sorted by qubit."""
    sign: Literal[1, -1] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """⟨P_k⟩ for each Pauli string: outputs (…, len(paulis))."""

    paulis: tuple[Pauli, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probabilities:
    """Probabilities of the 2^k outcomes on `qubits`, the first listed the most significant bit."""

    qubits: tuple[int, ...]


Readout = Expectations | Probabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """(data: (…, data_width), angles: (angle_count,)) → (…, outputs)."""

    qubits: int
    data_width: int
    angle_count: int
    initial: InitialState
    gates: tuple[Gate, ...]
    readout: Readout

    @property
    def outputs(self) -> int:
        match self.readout:
            case Expectations(paulis=paulis):
                return len(paulis)
            case Probabilities(qubits=qubits):
                return int(2 ** len(qubits))
