"""Orthogonal matrices made of circuits: their gates on columns, all of it real."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.backends.simulator.steps import CallFrame
from qcompile.executors.constants import Constants
from qcompile.executors.sweeps.columns import block_sweeps
from qcompile.executors.sweeps.operators import Operators
from qcompile.executors.sweeps.scheduler import Scheduler
from qcompile.executors.sweeps.steps import Tables
from qcompile.ir.orthogonal import (
    GateBlock,
    Orthogonal,
    OrthogonalFrame,
    UnitaryNode,
    is_idle,
    transposed,
)


class BlockGates:
    """The gates of one block on columns (1, 1, 2^n, B)."""

    def __init__(self, block: GateBlock, constants: Constants) -> None:
        self.start = block.offset
        self.stop = block.offset + 2**block.qubits
        schedule = Scheduler(block.qubits, constants)
        self.steps = schedule.steps(block_sweeps(block))
        self.operators = Operators(schedule.families, block.qubits, constants)

    def __call__(self, columns: Tensor, angles: Tensor | None) -> Tensor:
        phases, blocks = self.operators(angles, columns)
        tables = Tables(phases=phases, blocks=blocks, data_phases=[], turns=None, unitaries=[])
        for step in self.steps:
            columns = step(columns, tables)
        return columns


class OrthogonalGates:
    """columns (N, B) and angles (angle_count,) or None → U columns, or Uᵀ columns."""

    def __init__(self, orthogonal: Orthogonal, constants: Constants, *, adjoint: bool) -> None:
        blocks = transposed(orthogonal).blocks if adjoint else orthogonal.blocks
        self.blocks = [BlockGates(block, constants) for block in blocks]
        self.idle = is_idle(orthogonal)

    def __call__(self, columns: Tensor, angles: Tensor | None) -> Tensor:
        size = columns.shape[0]
        state = columns.reshape(1, 1, *columns.shape)
        for block in self.blocks:
            if (block.start, block.stop) == (0, size):
                state = block(state, angles)
                continue
            inside = block(state[:, :, block.start : block.stop], angles)
            state = torch.cat((state[:, :, : block.start], inside, state[:, :, block.stop :]), 2)
        if self.idle and angles is not None:
            # A parameter without a gradient stops distributed training.
            state = state + 0.0 * angles.sum()
        return state.reshape(columns.shape)


class FrameColumns:
    """angles → the first columns of U or Uᵀ, (N, K)."""

    def __init__(self, frame: OrthogonalFrame, constants: Constants) -> None:
        self.gates = OrthogonalGates(frame.orthogonal, constants, adjoint=frame.adjoint)
        self.shape = (frame.orthogonal.size, frame.columns)

    def __call__(self, angles: Tensor | None, reference: Tensor) -> Tensor:
        """In the dtype and on the device of `reference`."""
        unit = torch.eye(*self.shape, dtype=reference.dtype, device=reference.device)
        return self.gates(unit, angles)


@dataclass(frozen=True, kw_only=True)
class OrthogonalStep:
    """The gates on every token's value."""

    operand: int
    angles: int | None
    size: int
    width: int
    gates: OrthogonalGates

    def __call__(self, frame: CallFrame) -> Tensor:
        angles = None if self.angles is None else frame.tensors[self.angles]
        value = frame.values[self.operand]
        columns = value.unsqueeze(1) if value.dim() == 1 else value.t()
        missing = self.size - columns.shape[0]
        if missing:
            columns = torch.nn.functional.pad(columns, (0, 0, 0, missing))
        result = self.gates(columns.contiguous(), angles)[: self.width]
        return result[:, 0] if value.dim() == 1 else result.t()


def unitary_step(node: UnitaryNode, constants: Constants) -> OrthogonalStep:
    return OrthogonalStep(
        operand=node.operand,
        angles=node.angles,
        size=node.orthogonal.size,
        width=node.width,
        gates=OrthogonalGates(node.orthogonal, constants, adjoint=node.adjoint),
    )
