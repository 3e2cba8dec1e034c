"""Which diagonals and one-qubit blocks of a circuit are computed together.

Diagonals with the same generators and blocks of the same width, from all layers, are rows of one
tensor: the number of operations does not grow with the number of layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from qcompile.ir.circuit import Affine
from qcompile.ir.factors import IDENTITY, Factor, fixed
from qcompile.ir.primitives import Generator

Chains = tuple[tuple[Factor, ...], ...]
"""Factors of neighbouring qubits, each qubit's first acting first."""


def rotates(chains: Chains) -> bool:
    """Whether a factor has an angle."""
    return any(factor.angle is not None for chain in chains for factor in chain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Some rows of one family."""

    family: int
    start: int
    stop: int


@dataclass(slots=True)
class AngleTable:
    """Affine combinations of the trainable angles, each computed once."""

    positions: dict[Affine, int] = field(default_factory=dict)

    def position(self, angle: Affine) -> int:
        return self.positions.setdefault(angle, len(self.positions))


@dataclass(slots=True)
class PhaseFamily:
    """Diagonals with the same generators."""

    generators: tuple[Generator, ...]
    rows: list[tuple[int, ...]] = field(default_factory=list)
    """Positions in the angle table of each generator's angle."""


@dataclass(slots=True)
class BlockFamily:
    """Kronecker products of `width` one-qubit matrices each."""

    width: int
    real: bool
    rotates: bool
    """Whether a factor has an angle."""
    rows: list[Chains] = field(default_factory=list)

    @property
    def length(self) -> int:
        """Factors of a qubit, at most."""
        return max((1, *(len(chain) for row in self.rows for chain in row)))

    def factors(self) -> list[Factor]:
        """Of all rows, qubits and places, padded with identities."""
        length, pad = self.length, fixed(IDENTITY)
        return [
            factor
            for row in self.rows
            for chain in row
            for factor in (*chain, *(pad for _ in range(length - len(chain))))
        ]


@dataclass(slots=True)
class Families:
    """All of a circuit."""

    angles: AngleTable = field(default_factory=AngleTable)
    phases: dict[tuple[Generator, ...], PhaseFamily] = field(default_factory=dict)
    blocks: dict[tuple[int, bool, bool], BlockFamily] = field(default_factory=dict)

    def phase_rows(self, alike: Sequence[Sequence[tuple[Generator, Affine]]]) -> Rows:
        """One row for each list of terms; all have the same generators."""
        generators = tuple(generator for generator, _ in alike[0])
        family = self.phases.setdefault(generators, PhaseFamily(generators))
        start = len(family.rows)
        family.rows.extend(tuple(self.angles.position(a) for _, a in terms) for terms in alike)
        place = list(self.phases).index(generators)
        return Rows(family=place, start=start, stop=len(family.rows))

    def block_rows(self, alike: Sequence[Chains], *, real: bool) -> Rows:
        """One row for each block; all have the same width, and all have angles or none has."""
        key = (len(alike[0]), real, rotates(alike[0]))
        family = self.blocks.setdefault(key, BlockFamily(*key))
        start = len(family.rows)
        family.rows.extend(alike)
        for chains in alike:
            for chain in chains:
                for factor in chain:
                    if factor.angle is not None:
                        self.angles.position(factor.angle)
        return Rows(family=list(self.blocks).index(key), start=start, stop=len(family.rows))
