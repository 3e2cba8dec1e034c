"""The torch of what the frozen module gives."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.backends.simulator.steps import CallFrame, NodeSteps
from qcompile.ir.ops.base import BaseBiasNode, BaseNode, WeightNode


@dataclass(frozen=True)
class BaseStep:
    """The module on another value."""

    operand: int

    def __call__(self, frame: CallFrame) -> Tensor:
        value = frame.values[self.operand]
        assert frame.base is not None
        return frame.base.output(value).to(value.dtype)


@dataclass(frozen=True)
class BiasStep:
    """The bias, or zeros."""

    width: int

    def __call__(self, frame: CallFrame) -> Tensor:
        assert frame.base is not None
        bias = frame.base.bias()
        if bias is None:
            return torch.zeros(self.width, dtype=frame.x.dtype, device=frame.x.device)
        return bias.to(frame.x)


def weight(frame: CallFrame) -> Tensor:
    assert frame.base is not None
    return frame.base.weight().to(frame.x)


STEPS: NodeSteps = {
    BaseNode: lambda node, _: BaseStep(node.operand),
    WeightNode: lambda *_: weight,
    BaseBiasNode: lambda node, _: BiasStep(node.width),
}
