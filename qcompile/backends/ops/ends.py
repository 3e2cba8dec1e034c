"""The torch of `x` and `y`."""

from __future__ import annotations

from torch import Tensor

from qcompile.backends.simulator.steps import CallFrame, NodeSteps
from qcompile.ir.ops.ends import InputNode, OutputNode


def given_x(frame: CallFrame) -> Tensor:
    return frame.x


def given_y(frame: CallFrame) -> Tensor:
    assert frame.y is not None
    return frame.y


STEPS: NodeSteps = {InputNode: lambda *_: given_x, OutputNode: lambda *_: given_y}
