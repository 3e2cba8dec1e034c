"""The torch of biases and of generated matrices; trainable matrices are parts of networks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.backends.simulator.steps import NodeFunctions, StepContext
from qcompile.ir.ops.linear import ApplyNode, BiasNode


@dataclass(frozen=True)
class Matrix:
    """W a, W being a value."""

    width: int

    def __call__(self, value: Tensor, weight: Tensor) -> Tensor:
        return torch.nn.functional.linear(value, weight.reshape(self.width, -1))


@dataclass(frozen=True)
class Bias:
    """a + b."""

    def __call__(self, value: Tensor, bias: Tensor) -> Tensor:
        return value + bias


def biased(node: BiasNode, around: StepContext) -> Bias:
    return Bias()


def applied(node: ApplyNode, around: StepContext) -> Matrix:
    return Matrix(node.width)


FUNCTIONS: NodeFunctions = {BiasNode: biased, ApplyNode: applied}
