"""The torch of rows that are made orthogonal."""

from __future__ import annotations

import torch
from torch import Tensor

from qcompile.backends.simulator.steps import NodeFunctions
from qcompile.ir.ops.orthonormal import OrthonormalNode


def orthonormal(table: Tensor) -> Tensor:
    """(r, n) → (r, n), Q of an LQ decomposition whose L has a positive diagonal."""
    basis = torch.nn.functional.normalize(table[:1], dim=1)
    for row in table[1:].unbind():
        # Rounding of the first subtraction is taken off by a second one.
        for _ in range(2):
            row = row - (basis @ row) @ basis
        basis = torch.cat((basis, (row / row.norm()).unsqueeze(0)))
    return basis


FUNCTIONS: NodeFunctions = {OrthonormalNode: lambda *_: orthonormal}
