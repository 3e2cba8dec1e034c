"""What a circuit does to a state, one callable value for each sweep, built once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from qcompile.executors.constants import ConstantTensor
from qcompile.executors.sweeps.families import Rows
from qcompile.executors.sweeps.sweep import (
    sweep_block,
    sweep_matrix,
    sweep_phases,
    sweep_turn,
    sweep_unitary,
)


@dataclass(slots=True, kw_only=True)
class Tables:
    """Tensors of one call."""

    phases: list[tuple[Tensor, Tensor]]
    """One pair for each phase family, as `PhaseFamily` gives them."""
    blocks: list[Tensor]
    """One for each block family."""
    data_phases: list[tuple[Tensor, Tensor]]
    """Of diagonals that depend on data: cosines and sines (1, 2^n, B)."""
    turns: tuple[Tensor, Tensor] | None
    """Cosines and sines (k, B) of half the angles of real rotations by data."""
    unitaries: list[tuple[Tensor, ...]]
    """Of hoisted blocks, (parts, 2^n, 2^n) each; one tuple for each group of blocks."""


class Step(Protocol):
    """State → state."""

    def __call__(self, state: Tensor, tables: Tables) -> Tensor: ...


@dataclass(frozen=True, kw_only=True)
class PhaseStep:
    """A diagonal that does not depend on data."""

    rows: Rows

    def __call__(self, state: Tensor, tables: Tables) -> Tensor:
        cosine, sine = tables.phases[self.rows.family]
        chosen = slice(self.rows.start, self.rows.stop)
        return sweep_phases(state, cosine[chosen], sine[chosen])


@dataclass(frozen=True, kw_only=True)
class SignStep:
    """A diagonal of 1 and -1."""

    signs: ConstantTensor
    """(2^n, 1)."""

    def __call__(self, state: Tensor, tables: Tables) -> Tensor:
        return state * self.signs.like(state)


@dataclass(frozen=True, kw_only=True)
class DataPhaseStep:
    """A diagonal that depends on data."""

    position: int

    def __call__(self, state: Tensor, tables: Tables) -> Tensor:
        return sweep_phases(state, *tables.data_phases[self.position])


@dataclass(frozen=True, kw_only=True)
class BlockStep:
    """One-qubit matrices on neighbouring qubits, as one matrix."""

    rows: Rows
    left: int

    def __call__(self, state: Tensor, tables: Tables) -> Tensor:
        block = tables.blocks[self.rows.family][self.rows.start : self.rows.stop]
        return sweep_block(state, block, self.left)


@dataclass(frozen=True, kw_only=True)
class PermuteStep:
    """Basis states exchanged."""

    indices: ConstantTensor

    def __call__(self, state: Tensor, tables: Tables) -> Tensor:
        return state.index_select(2, self.indices.on(state))


@dataclass(frozen=True, kw_only=True)
class TurnStep:
    """RY of data on one qubit."""

    position: int
    left: int

    def __call__(self, state: Tensor, tables: Tables) -> Tensor:
        assert tables.turns is not None
        cosines, sines = tables.turns
        return sweep_turn(state, cosines[self.position], sines[self.position], self.left)


@dataclass(frozen=True, kw_only=True)
class NoiseStep:
    """A real matrix on the kets and bras of a few qubits."""

    matrix: ConstantTensor
    qubits: tuple[int, ...]
    total: int

    def __call__(self, state: Tensor, tables: Tables) -> Tensor:
        return sweep_matrix(state, self.matrix.like(state), self.qubits, self.total)


@dataclass(frozen=True, kw_only=True)
class UnitaryStep:
    """A hoisted block."""

    group: int
    position: int

    def __call__(self, state: Tensor, tables: Tables) -> Tensor:
        return sweep_unitary(state, tables.unitaries[self.group][self.position])
