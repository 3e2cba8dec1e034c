"""The torch of biases and of generated matrices; trainable matrices are parts of networks."""

from __future__ import annotations

from dataclasses import dataclass
from operator import add

import torch
from torch import Tensor

from qcompile.backends.simulator.steps import NodeFunctions
from qcompile.ir.ops.linear import ApplyNode, BiasNode, TableMapNode


@dataclass(frozen=True)
class Matrix:
    """W a, W being a value."""

    width: int

    def __call__(self, value: Tensor, weight: Tensor) -> Tensor:
        return torch.nn.functional.linear(value, weight.reshape(self.width, -1))


def mapped(value: Tensor, table: Tensor) -> Tensor:
    """W a, W being a table."""
    return torch.nn.functional.linear(value, table)


FUNCTIONS: NodeFunctions = {
    BiasNode: lambda *_: add,
    TableMapNode: lambda *_: mapped,
    ApplyNode: lambda node, _: Matrix(node.width),
}
