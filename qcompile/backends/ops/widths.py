"""The torch of values joined and cut, and of zeros."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.backends.simulator.steps import CallFrame, NodeFunctions, NodeSteps, concatenate
from qcompile.ir.ops.widths import BroadcastNode, ConcatNode, SliceNode, ZeroNode


@dataclass(frozen=True)
class Slice:
    """a[…, start : stop]."""

    start: int
    stop: int

    def __call__(self, value: Tensor) -> Tensor:
        return value[..., self.start : self.stop]


@dataclass(frozen=True)
class Broadcast:
    """(…, 1) → (…, width)."""

    width: int

    def __call__(self, value: Tensor) -> Tensor:
        return value.expand(*value.shape[:-1], self.width)


@dataclass(frozen=True)
class Zeros:
    """(width,)."""

    width: int

    def __call__(self, frame: CallFrame) -> Tensor:
        return torch.zeros(self.width, dtype=frame.x.dtype, device=frame.x.device)


FUNCTIONS: NodeFunctions = {
    ConcatNode: lambda *_: concatenate,
    BroadcastNode: lambda node, _: Broadcast(node.width),
    SliceNode: lambda node, _: Slice(node.start, node.start + node.width),
}
STEPS: NodeSteps = {ZeroNode: lambda node, _: Zeros(node.width)}
