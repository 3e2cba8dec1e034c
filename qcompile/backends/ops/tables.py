"""The torch of vectors and tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.backends.simulator.steps import CallFrame, NodeFunctions, NodeStep, StepContext
from qcompile.executors.constants import ConstantTensor
from qcompile.ir.ops.tables import BitsNode, FlatNode, RowsNode, TableNode, VectorNode


@dataclass(frozen=True)
class Reshape:
    """A value in another shape."""

    shape: tuple[int, ...]

    def __call__(self, value: Tensor) -> Tensor:
        return value.reshape(self.shape)


@dataclass(frozen=True)
class BitsStep:
    """All binary numbers."""

    table: ConstantTensor

    def __call__(self, frame: CallFrame) -> Tensor:
        return self.table.like(frame.x)


def itself(tensor: Tensor) -> Tensor:
    return tensor


def trainable(node: VectorNode | TableNode, around: StepContext) -> Callable[[Tensor], Tensor]:
    return itself


def cut(node: RowsNode, around: StepContext) -> Reshape:
    return Reshape((node.rows, node.width))


def flat(node: FlatNode, around: StepContext) -> Reshape:
    return Reshape((-1,))


def bits(node: BitsNode, around: StepContext) -> NodeStep:
    digits = torch.arange(node.rows).unsqueeze(1) >> torch.arange(node.width).flip(0)
    return BitsStep(around.constants.real((digits % 2).to(torch.float64)))


FUNCTIONS: NodeFunctions = {
    VectorNode: trainable,
    TableNode: trainable,
    RowsNode: cut,
    FlatNode: flat,
}
STEPS = {BitsNode: bits}
