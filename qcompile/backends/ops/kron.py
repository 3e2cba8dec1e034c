"""The torch of Kronecker products."""

from __future__ import annotations

import torch
from torch import Tensor

from qcompile.backends.simulator.steps import NodeFunctions
from qcompile.ir.ops.kron import KronNode


def of_elements(left: Tensor, right: Tensor) -> Tensor:
    """(…, n), (…, m) → (…, n m)."""
    return (left.unsqueeze(-1) * right.unsqueeze(-2)).flatten(-2)


FUNCTIONS: NodeFunctions = {
    KronNode: lambda node, _: torch.kron if node.tables else of_elements,
}
