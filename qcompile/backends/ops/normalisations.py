"""The torch of softmax and of normalisation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.backends.simulator.groups import for_each_part
from qcompile.backends.simulator.steps import NodeFunctions
from qcompile.ir.ops.normalisations import SoftmaxNode, StandardiseNode


def softmax(value: Tensor) -> Tensor:
    """Along the last axis."""
    return torch.softmax(value, -1)


@dataclass(frozen=True)
class Standardise:
    """Along the last axis."""

    centred: bool
    eps: float

    def __call__(self, value: Tensor) -> Tensor:
        functions = torch.nn.functional
        normalise = functions.layer_norm if self.centred else functions.rms_norm
        result: Tensor = normalise(value, value.shape[-1:], eps=self.eps)
        return result


FUNCTIONS: NodeFunctions = {
    SoftmaxNode: lambda node, _: for_each_part(softmax, node.groups),
    StandardiseNode: lambda node, _: for_each_part(
        Standardise(node.centred, node.eps), node.groups
    ),
}
