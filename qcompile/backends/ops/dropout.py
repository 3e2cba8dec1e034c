"""The torch of dropout."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.backends.simulator.steps import CallFrame, NodeSteps
from qcompile.ir.ops.dropout import DropoutNode


@dataclass(frozen=True)
class DropoutStep:
    """Active in training mode; draws from torch's generator as `nn.Dropout` does."""

    operand: int
    probability: float

    def __call__(self, frame: CallFrame) -> Tensor:
        value = frame.values[self.operand]
        return torch.nn.functional.dropout(value, self.probability, frame.training)


STEPS: NodeSteps = {DropoutNode: lambda node, _: DropoutStep(node.operand, node.probability)}
