"""A transfer program as torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from qcompile.executors.constants import Constants, ConstantTensor
from qcompile.executors.sweeps.families import AngleTable
from qcompile.executors.sweeps.operators import MixedAngles, TrainableAngles
from qcompile.executors.transfer.program import (
    PLANES,
    AngleTurn,
    DataTurn,
    Fixed,
    Join,
    MatrixStep,
    TransferProgram,
)
from qcompile.executors.transfer.readings import Reading, build_readings


class TransferEvaluator:
    """data (B, w) and angles (k,) or None → (B, outputs), in the dtype of `data`.

    A part of the state is (4^k, B), or (4^k, 1) while it is the same for all tokens.
    """

    def __init__(self, program: TransferProgram, constants: Constants) -> None:
        self.program = program
        self.zero = constants.real(torch.tensor([[1.0], [0.0], [0.0], [1.0]], dtype=torch.float64))
        self.matrices = Matrices(
            [step for step in program.steps if isinstance(step, MatrixStep)], constants
        )
        data = [step.angle for step in program.steps if isinstance(step, DataTurn)]
        distinct = list(dict.fromkeys(data))
        self.positions = {angle: place for place, angle in enumerate(distinct)}
        self.angles = MixedAngles(distinct, constants) if distinct else None
        self.readings: list[Reading] = build_readings(program, constants)

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor:
        parts = {part: self.zero.like(data) for part in range(self.program.parts)}
        matrices = iter(self.matrices(angles, data))
        cosines = sines = data
        if self.angles is not None:
            turned = self.angles(data, angles)
            cosines, sines = turned.cos(), turned.sin()
        for step in self.program.steps:
            match step:
                case Join(first=first, second=second):
                    parts[first] = joined_parts(parts[first], parts.pop(second))
                case MatrixStep(part=part, order=order):
                    parts[part] = applied(next(matrices), parts[part], order)
                case DataTurn(part=part):
                    row = self.positions[step.angle]
                    parts[part] = turned_by(step, parts[part], cosines[row], sines[row])
        rows = [reading(parts) for reading in self.readings]
        result = rows[0] if len(rows) == 1 else _side_by_side(rows)
        return result.t().expand(data.shape[0], -1)


class Matrices:
    """The matrix of every step, built once a call."""

    def __init__(self, steps: Sequence[MatrixStep], constants: Constants) -> None:
        self.angles = AngleTable()
        turns: dict[int, list[AngleTurn]] = {}
        self.factors: list[list[ConstantTensor | tuple[int, int]]] = []
        """Of each step: what is fixed, or (size, position) of a turn."""
        for step in steps:
            found: list[ConstantTensor | tuple[int, int]] = []
            for factor in step.factors:
                if isinstance(factor, Fixed):
                    found.append(constants.real(torch.from_numpy(factor.matrix.copy())))
                else:
                    alike = turns.setdefault(step.size, [])
                    found.append((step.size, len(alike)))
                    alike.append(factor)
            self.factors.append(found)
        self.turns = {
            size: Turns(alike, size, self.angles, constants) for size, alike in turns.items()
        }
        self.values = TrainableAngles(self.angles, constants) if turns else None

    def __call__(self, angles: Tensor | None, reference: Tensor) -> list[Tensor]:
        turned: dict[int, tuple[Tensor, ...]] = {}
        if self.values is not None:
            values = self.values(angles, reference)
            turned = {size: turns(values) for size, turns in self.turns.items()}
        result = []
        for factors in self.factors:
            matrix: Tensor | None = None
            for factor in factors:
                if isinstance(factor, ConstantTensor):
                    one = factor.like(reference)
                else:
                    one = turned[factor[0]][factor[1]]
                matrix = one if matrix is None else one @ matrix
            assert matrix is not None
            result.append(matrix)
        return result


class Turns:
    """Turns in steps of one size, side by side: A + cos(t) B + sin(t) C."""

    def __init__(
        self, turns: Sequence[AngleTurn], size: int, angles: AngleTable, constants: Constants
    ) -> None:
        self.places = constants.index([angles.position(turn.angle) for turn in turns])
        tables = [_turn_tables(turn, size) for turn in turns]
        self.tables = [constants.real(torch.stack(column)) for column in zip(*tables, strict=True)]

    def __call__(self, values: Tensor) -> tuple[Tensor, ...]:
        chosen = values.index_select(0, self.places.on(values)).reshape(-1, 1, 1)
        constant, cosine, sine = (table.like(values) for table in self.tables)
        return (constant + chosen.cos() * cosine + chosen.sin() * sine).unbind(0)


def _turn_tables(turn: AngleTurn, size: int) -> tuple[Tensor, Tensor, Tensor]:
    first, second = PLANES[turn.axis]
    constant, cosine, sine = (torch.zeros(4, 4, dtype=torch.float64) for _ in range(3))
    for letter in range(4):
        (cosine if letter in (first, second) else constant)[letter, letter] = 1.0
    sine[first, second], sine[second, first] = -1.0, 1.0
    if size == 4:
        return constant, cosine, sine
    eye = torch.eye(4, dtype=torch.float64)
    pairs = [(m, eye) if turn.place == 0 else (eye, m) for m in (constant, cosine, sine)]
    a, b, c = (torch.kron(left, right) for left, right in pairs)
    return a, b, c


def joined_parts(first: Tensor, second: Tensor) -> Tensor:
    """The values of products, (4^(j+k), B)."""
    product = first.unsqueeze(1) * second.unsqueeze(0)
    return product.reshape(first.shape[0] * second.shape[0], -1)


def applied(matrix: Tensor, state: Tensor, order: tuple[int, ...] | None) -> Tensor:
    """A matrix on the first qubits, after the qubits are put in order."""
    dimension, batch = state.shape
    if order is not None:
        spread = state.reshape(*(4 for _ in order), batch)
        state = spread.permute(*order, len(order))
    return (matrix @ state.reshape(matrix.shape[1], -1)).reshape(dimension, batch)


def turned_by(step: DataTurn, state: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Two letters of one qubit turned into each other, by the angle of each token."""
    dimension, _ = state.shape
    letters = list(state.reshape(4**step.place, 4, -1, state.shape[1]).unbind(1))
    first, second = PLANES[step.axis]
    a, b = letters[first], letters[second]
    letters[first], letters[second] = a * cosine - b * sine, a * sine + b * cosine
    like = letters[first]
    return torch.stack([letter.expand_as(like) for letter in letters], 1).reshape(dimension, -1)


def _side_by_side(rows: Sequence[Tensor]) -> Tensor:
    batch = max(row.shape[1] for row in rows)
    return torch.cat([row.expand(-1, batch) for row in rows])
