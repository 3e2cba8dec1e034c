"""The torch of vectors and tables."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.backends.simulator.steps import CallFrame, NodeFunctions, NodeSteps, StepContext
from qcompile.executors.constants import ConstantTensor
from qcompile.ir.ops.tables import (
    BitsNode,
    FlatNode,
    RowsNode,
    TableNode,
    TransposeNode,
    VectorNode,
)


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


def turned_table(table: Tensor) -> Tensor:
    return table.T


def itself(tensor: Tensor) -> Tensor:
    return tensor


def bits(node: BitsNode, context: StepContext) -> BitsStep:
    digits = torch.arange(node.rows).unsqueeze(1) >> torch.arange(node.width).flip(0)
    return BitsStep(context.constants.real((digits % 2).to(torch.float64)))


FUNCTIONS: NodeFunctions = {
    VectorNode: lambda *_: itself,
    TableNode: lambda *_: itself,
    TransposeNode: lambda *_: turned_table,
    RowsNode: lambda node, _: Reshape((node.rows, node.width)),
    FlatNode: lambda *_: Reshape((-1,)),
}
STEPS: NodeSteps = {BitsNode: bits}
