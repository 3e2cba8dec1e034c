"""Everything of a circuit that does not depend on data, family by family."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from qcompile.executors.constants import Constants
from qcompile.executors.sweeps import tables
from qcompile.executors.sweeps.blocks import BlockRows
from qcompile.executors.sweeps.families import AngleTable, Families, PhaseFamily
from qcompile.ir.circuit import Affine


class TrainableAngles:
    """(angle_count,) → (k,): the entries of an AngleTable."""

    def __init__(self, table: AngleTable, constants: Constants) -> None:
        angles = list(table.positions)
        self.count = len(angles)
        offsets = [angle.constant for angle in angles]
        self.offset = constants.real(torch.tensor(offsets, dtype=torch.float64, device="cpu"))
        self.shifted = any(offsets)
        self.combine = Combination([angle.angles for angle in angles], constants)

    def __call__(self, angles: Tensor | None, reference: Tensor) -> Tensor:
        offset = self.offset.like(reference)
        if angles is None or self.combine.empty:
            return offset
        values = self.combine(angles.unsqueeze(1)).squeeze(1)
        return values + offset if self.shifted else values


class Combination:
    """Rows of linear combinations: (n, B) → (k, B)."""

    def __init__(self, rows: Sequence[tuple[tuple[int, float], ...]], constants: Constants) -> None:
        self.empty = not any(rows)
        self.single = bool(rows) and all(len(row) == 1 for row in rows)
        width = max((index + 1 for row in rows for index, _ in row), default=0)
        # Without any index the matrix has no columns.
        dense = not self.single
        matrix = torch.zeros(len(rows) if dense else 0, width, dtype=torch.float64, device="cpu")
        if dense:
            for position, row in enumerate(rows):
                for index, coefficient in row:
                    matrix[position, index] = coefficient
        self.width = width
        self.matrix = constants.real(matrix)
        indices = [row[0][0] for row in rows] if self.single else []
        self.in_order = indices == list(range(len(indices)))
        self.indices = constants.index(indices)
        factors = [[row[0][1]] for row in rows] if self.single else [[]]
        self.plain = all(factor == [1.0] for factor in factors)
        self.factors = constants.real(torch.tensor(factors, dtype=torch.float64, device="cpu"))

    def __call__(self, values: Tensor) -> Tensor:
        if not self.single:
            return self.matrix.like(values) @ values[: self.width]
        if self.in_order:
            chosen = values[: self.width]
        else:
            chosen = values.index_select(0, self.indices.on(values))
        return chosen if self.plain else chosen * self.factors.like(values)


class MixedAngles:
    """Angles of data and trainable parts together: (k, B)."""

    def __init__(self, angles: Sequence[Affine], constants: Constants) -> None:
        self.data = Combination([angle.data for angle in angles], constants)
        rest = [Affine(constant=angle.constant, angles=angle.angles) for angle in angles]
        self.mixed = any(angle != Affine() for angle in rest)
        table = AngleTable()
        self.rows = constants.index([table.position(angle) for angle in rest])
        self.trainable = TrainableAngles(table, constants)

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor:
        values = self.data(data.t())
        if not self.mixed:
            return values
        rest = self.trainable(angles, data).index_select(0, self.rows.on(data))
        return values + rest.unsqueeze(1)


class PhaseRows:
    """Diagonals with the same generators."""

    def __init__(self, family: PhaseFamily, qubits: int, constants: Constants) -> None:
        self.count = len(family.generators)
        table = tables.eigenvalues(family.generators, qubits)
        self.table = constants.real(table.T.contiguous())
        self.indices = constants.index([place for row in family.rows for place in row])

    def __call__(self, angles: Tensor) -> Tensor:
        """The phases, (rows, 2^n)."""
        chosen = angles.index_select(0, self.indices.on(angles))
        return chosen.reshape(-1, self.count) @ self.table.like(angles)


class Operators:
    """The tensors of all families of a circuit."""

    def __init__(self, families: Families, qubits: int, constants: Constants) -> None:
        self.phases = [PhaseRows(f, qubits, constants) for f in families.phases.values()]
        self.blocks = [BlockRows(f, families.angles, constants) for f in families.blocks.values()]
        self.angles = TrainableAngles(families.angles, constants)

    def __call__(
        self, angles: Tensor | None, reference: Tensor
    ) -> tuple[list[tuple[Tensor, Tensor]], list[Tensor]]:
        """Of one call, in the dtype and on the device of `reference`."""
        phases, blocks = self.phases_and_blocks(angles, reference)
        return [circular(phase) for phase in phases], blocks

    def phases_and_blocks(
        self, angles: Tensor | None, reference: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        """With the angles, (rows, 2^n), in the place of cosines and sines."""
        values = self.angles(angles, reference)
        return [f(values) for f in self.phases], [f(values) for f in self.blocks]


def circular(phases: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines (rows, 2^n, 1) of angles (rows, 2^n)."""
    spread = phases.unsqueeze(2)
    return spread.cos(), spread.sin()
