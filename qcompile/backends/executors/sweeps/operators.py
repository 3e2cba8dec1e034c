"""Everything of a circuit that does not depend on data, computed in a few batched operations.

Diagonals with the same generators and one-qubit blocks of the same width, from all layers, are
rows of one tensor: the number of torch calls does not grow with the number of layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.backends.executors.constants import Constant, Constants
from qcompile.backends.executors.sweeps import tables
from qcompile.ir.circuit import Affine
from qcompile.ir.factors import IDENTITY, Factor, Matrix, fixed
from qcompile.ir.primitives import Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Some rows of one family."""

    family: int
    start: int
    stop: int


class AngleTable:
    """Affine combinations of the trainable angles, each computed once."""

    def __init__(self) -> None:
        self.positions: dict[Affine, int] = {}

    def position(self, angle: Affine) -> int:
        return self.positions.setdefault(angle, len(self.positions))


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
        matrix = torch.zeros(len(rows), width, dtype=torch.float64, device="cpu")
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


class PhaseFamily:
    """Diagonals with the same generators: the cosines and sines of their phases."""

    def __init__(self, generators: tuple[Generator, ...], qubits: int) -> None:
        self.generators = generators
        self.qubits = qubits
        self.angles: list[int] = []
        self.table: Constant
        self.indices: Constant

    def add(self, positions: Sequence[int]) -> int:
        self.angles.extend(positions)
        return len(self.angles) // len(self.generators) - 1

    def finish(self, constants: Constants) -> None:
        self.table = constants.real(tables.eigenvalues(self.generators, self.qubits).T.contiguous())
        self.indices = constants.index(self.angles)

    def __call__(self, angles: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines, (rows, 2^n, 1)."""
        chosen = angles.index_select(0, self.indices.on(angles))
        phases = chosen.reshape(-1, len(self.generators)) @ self.table.like(angles)
        phases = phases.unsqueeze(2)
        return phases.cos(), phases.sin()


class BlockFamily:
    """Kronecker products of `width` one-qubit matrices: (rows, parts, 2^width, 2^width).

    Parts: 1 where all matrices are real, else 2, real and imaginary.
    """

    def __init__(self, width: int, real: bool) -> None:
        self.width = width
        self.real = real
        self.rows: list[tuple[tuple[Factor, ...], ...]] = []
        self.length = 1
        self.tables: tuple[Constant, Constant, Constant]
        self.indices: Constant
        self.rotates = False

    def add(self, chains: tuple[tuple[Factor, ...], ...]) -> int:
        self.rows.append(chains)
        self.length = max(self.length, *(len(chain) for chain in chains))
        return len(self.rows) - 1

    def finish(self, constants: Constants, angles: AngleTable) -> None:
        pad = fixed(IDENTITY)
        slots = [
            (*chain, *(pad for _ in range(self.length - len(chain))))
            for row in self.rows
            for chain in row
        ]
        factors = [factor for slot in slots for factor in slot]
        self.rotates = any(factor.angle is not None for factor in factors)
        self.tables = (
            constants.real(self._table([factor.constant for factor in factors])),
            constants.real(self._table([factor.cosine for factor in factors])),
            constants.real(self._table([factor.sine for factor in factors])),
        )
        self.indices = constants.index(
            [0 if factor.angle is None else angles.position(factor.angle) for factor in factors]
        )

    def _table(self, matrices: list[Matrix]) -> Tensor:
        values = torch.tensor(matrices, dtype=torch.complex128, device="cpu")
        parts = [values.real] if self.real else [values.real, values.imag]
        shape = (len(self.rows), self.width, self.length, 2, 2)
        return torch.stack([part.reshape(shape) for part in parts], 3)

    def __call__(self, angles: Tensor) -> Tensor:
        constant, cosine, sine = (table.like(angles) for table in self.tables)
        factors = constant
        if self.rotates:
            half = 0.5 * angles.index_select(0, self.indices.on(angles))
            half = half.reshape(len(self.rows), self.width, self.length, 1, 1, 1)
            factors = constant + half.cos() * cosine + half.sin() * sine
        matrices = factors[:, :, 0]
        for position in range(1, self.length):
            matrices = matrix_product(factors[:, :, position], matrices)
        block = matrices[:, 0]
        for position in range(1, self.width):
            block = kronecker(block, matrices[:, position])
        return block


def matrix_product(left: Tensor, right: Tensor) -> Tensor:
    """(…, parts, K, K) each, the same parts."""
    if left.shape[-3] == 1:
        return left @ right
    a, b = left.unbind(-3)
    c, d = right.unbind(-3)
    return torch.stack((a @ c - b @ d, a @ d + b @ c), -3)


def kronecker(left: Tensor, right: Tensor) -> Tensor:
    """(rows, parts, K, K) and (rows, parts, 2, 2) → (rows, parts, 2K, 2K)."""
    rows, parts, size, _ = left.shape
    a = left.unsqueeze(3).unsqueeze(5)
    b = right.unsqueeze(2).unsqueeze(4)
    if parts == 2:
        real = a[:, 0] * b[:, 0] - a[:, 1] * b[:, 1]
        imaginary = a[:, 0] * b[:, 1] + a[:, 1] * b[:, 0]
        product = torch.stack((real, imaginary), 1)
    else:
        product = a * b
    return product.reshape(rows, parts, 2 * size, 2 * size)


class Operators:
    """All families of a circuit; `__call__` gives their tensors."""

    def __init__(self, qubits: int) -> None:
        self.qubits = qubits
        self.angle_table = AngleTable()
        self.phases: list[PhaseFamily] = []
        self.blocks: list[BlockFamily] = []
        self.phase_index: dict[tuple[Generator, ...], int] = {}
        self.block_index: dict[tuple[int, bool], int] = {}
        self.angles: TrainableAngles

    def phase_rows(self, stages: Sequence[dict[Generator, Affine]]) -> Rows:
        """One row for each stage; all have the same generators."""
        generators = tuple(stages[0])
        family = self.phase_index.setdefault(generators, len(self.phases))
        if family == len(self.phases):
            self.phases.append(PhaseFamily(generators, self.qubits))
        chosen = self.phases[family]
        added = [
            chosen.add([self.angle_table.position(stage[key]) for key in generators])
            for stage in stages
        ]
        return Rows(family=family, start=added[0], stop=added[-1] + 1)

    def block_rows(self, blocks: Sequence[tuple[tuple[Factor, ...], ...]], *, real: bool) -> Rows:
        """One row for each block of one-qubit chains; all have the same width."""
        width = len(blocks[0])
        family = self.block_index.setdefault((width, real), len(self.blocks))
        if family == len(self.blocks):
            self.blocks.append(BlockFamily(width, real))
        chosen = self.blocks[family]
        added = [chosen.add(block) for block in blocks]
        return Rows(family=family, start=added[0], stop=added[-1] + 1)

    def finish(self, constants: Constants) -> None:
        """Freeze the tables, when all rows are known."""
        for phase in self.phases:
            phase.finish(constants)
        for block in self.blocks:
            block.finish(constants, self.angle_table)
        self.angles = TrainableAngles(self.angle_table, constants)

    def __call__(self, trainable: Tensor) -> tuple[list[tuple[Tensor, Tensor]], list[Tensor]]:
        """`trainable`: the values of the angle table."""
        return [f(trainable) for f in self.phases], [f(trainable) for f in self.blocks]
