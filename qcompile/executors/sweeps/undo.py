"""Steps undone: a state and the derivative by it brought back through a step at once.

Every step is an isometry M of real pairs, so that the state before it is Mᵀψ and the derivative is
Mᵀλ. Both stand in one tensor, (2, parts, 2^n, B).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.executors.constants import ConstantTensor
from qcompile.executors.sweeps.steps import (
    BlockStep,
    DataPhaseStep,
    PermuteStep,
    PhaseStep,
    SignStep,
    Step,
    Tables,
    TurnStep,
    UnitaryStep,
)
from qcompile.executors.sweeps.sweep import joint_matrix


@dataclass(slots=True, kw_only=True)
class TableSlopes:
    """Derivatives by the tables of a call, added up; None where a table has none."""

    phases: list[Tensor | None]
    """By the angles of each phase family, (rows, 2^n)."""
    blocks: list[Tensor | None]
    """Of each block family, (rows, parts, K, K)."""
    unitaries: list[list[Tensor | None]]
    """(parts, 2^n, 2^n) each."""
    data_phases: list[Tensor]
    """By the angles, (2^n, B)."""
    turns: Tensor | None
    """By half the angles, (k, B)."""


class Spare:
    """Memory for pairs, each used again after the one that follows it.

    What a step makes anew would go back to the system and come from there page by page, which takes
    longer than the step.
    """

    def __init__(self, like: Tensor, size: int) -> None:
        """For pairs of up to `size` numbers."""
        self.buffers = [like.new_empty(size), like.new_empty(size)]

    def take(self, *shape: int) -> Tensor:
        """For a pair that is made of the one given before."""
        self.buffers.reverse()
        return self.buffers[0][: math.prod(shape)].view(shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """A step, and what the state was before it."""

    step: Step
    parts: int
    batched: bool
    inverse: ConstantTensor | None = None
    """Of a permutation."""

    def __call__(self, pair: Tensor, tables: Tables, slopes: TableSlopes, spare: Spare) -> Tensor:
        """(2, parts, 2^n, B) after the step → before it, in the spare memory; `pair` is lost."""
        before = self._before(pair, tables, slopes, spare)
        if self.batched or before.shape[3] == 1:
            return before
        return torch.stack((before[0, :, :, :1], before[1].sum(2, keepdim=True)))

    def _before(self, pair: Tensor, tables: Tables, slopes: TableSlopes, spare: Spare) -> Tensor:
        match self.step:
            case PhaseStep(rows=rows):
                cosine, sine = (table[rows.start] for table in tables.phases[rows.family])
                found = slopes.phases[rows.family]
                if found is not None:
                    found[rows.start] += _phase_slopes(pair, reduced=True)
                return _turned_back(pair, cosine, sine, self.parts, spare)
            case DataPhaseStep(position=position):
                cosine, sine = (table[0] for table in tables.data_phases[position])
                slopes.data_phases[position] += _phase_slopes(pair, reduced=False)
                return _turned_back(pair, cosine, sine, self.parts, spare)
            case SignStep(signs=signs):
                return pair.mul_(signs.like(pair))
            case PermuteStep():
                assert self.inverse is not None
                found = spare.take(*pair.shape)
                return torch.index_select(pair, 2, self.inverse.on(pair), out=found)
            case TurnStep(position=position, left=left):
                assert tables.turns is not None and slopes.turns is not None
                cosines, sines = tables.turns
                by_data = slopes.turns[position]
                return _ry_back(pair, cosines[position], sines[position], left, by_data, spare)
            case BlockStep(rows=rows, left=left):
                block = tables.blocks[rows.family][rows.start]
                family = slopes.blocks[rows.family]
                slope = None if family is None else family[rows.start]
                return _block_back(pair, block, left, self.parts, slope, spare)
            case UnitaryStep(group=group, position=position):
                unitary = tables.unitaries[group][position]
                slope = slopes.unitaries[group][position]
                return _block_back(pair, unitary, 1, self.parts, slope, spare)
            case _:
                raise ValueError(f"{type(self.step).__name__} cannot be undone")


def _phase_slopes(pair: Tensor, *, reduced: bool) -> Tensor:
    """By the angles: i ψ is what a larger angle adds. Summed over tokens where `reduced`."""
    (a, b), (c, d) = pair[0], pair[1]
    products: Tensor = a * d
    products.addcmul_(b, c, value=-1)
    return products.sum(1) if reduced else products


def _turned_back(pair: Tensor, cosine: Tensor, sine: Tensor, parts: int, spare: Spare) -> Tensor:
    """By -φ; cosine and sine (2^n, B or 1)."""
    found = spare.take(2, parts, *pair.shape[2:])
    torch.mul(pair[:, :parts], cosine, out=found)
    if parts == 1:
        return found.addcmul_(pair[:, 1:], sine)
    found[:, 0].addcmul_(pair[:, 1], sine)
    found[:, 1].addcmul_(pair[:, 0], sine, value=-1)
    return found


def _ry_back(
    pair: Tensor, cosine: Tensor, sine: Tensor, left: int, slope: Tensor, spare: Spare
) -> Tensor:
    _, parts, dimension, batch = pair.shape
    spread = pair.view(2, parts * left, 2, dimension // (2 * left), batch)
    state, derivative = spread[0], spread[1]
    products = (state[:, 0] * derivative[:, 1]).addcmul_(state[:, 1], derivative[:, 0], value=-1)
    slope += products.sum((0, 1))
    found = torch.mul(spread, cosine, out=spare.take(*spread.shape))
    found[:, :, 0].addcmul_(spread[:, :, 1], sine)
    found[:, :, 1].addcmul_(spread[:, :, 0], sine, value=-1)
    return found.view(pair.shape)


def _block_back(
    pair: Tensor, block: Tensor, left: int, parts: int, slope: Tensor | None, spare: Spare
) -> Tensor:
    """`block` (parts, K, K)."""
    size, batch = block.shape[-1], pair.shape[3]
    dimension = pair.shape[2]
    rows = dimension // (left * size) * batch
    after = pair.shape[1]
    found = spare.take(2, parts, dimension, batch)
    if block.shape[0] == 1:
        number = 2 * after * left
        matrix = block[0].t().expand(number, size, size)
        spread = pair.view(number, size, rows)
        torch.bmm(matrix, spread, out=found.view(number, size, rows))
    elif left == 1:
        joint = joint_matrix(block.unsqueeze(0))[0].t()
        wanted = joint[: parts * size]
        spread = pair.view(2, 2 * size, rows)
        torch.bmm(wanted.expand(2, -1, -1), spread, out=found.view(2, parts * size, rows))
    else:
        real, imaginary = (m.t().expand(left, size, size) for m in block)
        for row in range(2):
            a, b = (part.view(left, size, rows) for part in pair[row])
            back = found[row, 0].view(left, size, rows)
            torch.bmm(real, a, out=back)
            back.baddbmm_(imaginary, b)
            if parts == 2:
                back = found[row, 1].view(left, size, rows)
                torch.bmm(real, b, out=back)
                back.baddbmm_(imaginary, a, alpha=-1)
    if slope is not None:
        _block_slopes(found[0], pair[1], left, size, slope)
    return found


def _block_slopes(state: Tensor, derivative: Tensor, left: int, size: int, slope: Tensor) -> None:
    """Adds the products of the derivative after the block and the state before it."""
    before = [part.reshape(left, size, -1).transpose(1, 2) for part in state]
    after = [part.reshape(left, size, -1) for part in derivative]

    def joined(one: Tensor, other: Tensor) -> Tensor:
        return torch.bmm(one, other).sum(0)

    if slope.shape[0] == 1:
        for one, other in zip(after, before, strict=True):
            slope[0] += joined(one, other)
        return
    slope[0] += joined(after[0], before[0])
    slope[1] += joined(after[1], before[0])
    if len(before) == 2:
        slope[0] += joined(after[1], before[1])
        slope[1] -= joined(after[0], before[1])
