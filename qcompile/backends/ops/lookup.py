"""The torch of what is read at token ids."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.backends.simulator.steps import CallFrame, NodeSteps, StepContext
from qcompile.executors.constants import ConstantTensor
from qcompile.ir.ops.lookup import LookupNode, LookupValueNode, PickNode


@dataclass(frozen=True)
class Lookup:
    """(B, width), the columns of a tensor at the ids."""

    tensor: int

    def __call__(self, frame: CallFrame) -> Tensor:
        return _columns(frame.tensors[self.tensor], frame)


@dataclass(frozen=True)
class LookupValue:
    """The same of a value."""

    weight: int
    width: int

    def __call__(self, frame: CallFrame) -> Tensor:
        return _columns(frame.values[self.weight].reshape(self.width, -1), frame)


@dataclass(frozen=True)
class Pick:
    """(B, number of places): elements of a value, or where the ids are those places."""

    operand: int
    places: ConstantTensor

    def __call__(self, frame: CallFrame) -> Tensor:
        tokens = frame.tokens if self.operand == 0 else None
        if tokens is None:
            value = frame.values[self.operand]
            return value.index_select(-1, self.places.on(value))
        found = (tokens.ids.unsqueeze(1) == self.places.on(tokens.ids)).to(frame.x.dtype)
        return found if tokens.element is None else found * tokens.element


def _columns(weight: Tensor, frame: CallFrame) -> Tensor:
    tokens = frame.tokens
    assert tokens is not None
    found = torch.nn.functional.embedding(tokens.ids, weight.T)
    return found if tokens.element is None else found * tokens.element


def pick(node: PickNode, context: StepContext) -> Pick:
    return Pick(node.operand, context.constants.index(list(node.places)))


STEPS: NodeSteps = {
    LookupNode: lambda node, _: Lookup(node.tensor),
    LookupValueNode: lambda node, _: LookupValue(node.weight, node.width),
    PickNode: pick,
}
