"""The torch of elements chosen by others."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.backends.simulator.steps import NodeFunctions
from qcompile.ir.ops.selection import TopNode, WhereNode


def where_nonzero(condition: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """Along all axes; the gradient goes to what was taken."""
    return torch.where(condition != 0, yes, no)


@dataclass(frozen=True)
class Top:
    """(…, width) → the same shape."""

    count: int

    def __call__(self, value: Tensor) -> Tensor:
        value = value.detach()
        order = value.argsort(dim=-1, descending=True, stable=True)
        return torch.zeros_like(value).scatter(-1, order[..., : self.count], 1.0)


FUNCTIONS: NodeFunctions = {
    WhereNode: lambda *_: where_nonzero,
    TopNode: lambda node, _: Top(node.count),
}
