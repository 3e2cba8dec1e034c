"""The torch of reflections."""

from __future__ import annotations

import torch
from torch import Tensor

from qcompile.backends.simulator.steps import NodeFunctions
from qcompile.ir.ops.reflections import ReflectionsNode


def reflect(value: Tensor, rows: Tensor) -> Tensor:
    """(…, n), (r, n) → (…, n): the last row's reflection first."""
    squares = rows.square().sum(1)
    # A row of zeros reflects nothing.
    factors = 2.0 / torch.where(squares == 0, 1, squares)
    for row, factor in zip(rows.flip(0), factors.flip(0), strict=True):
        value = value - (factor * (value @ row)).unsqueeze(-1) * row
    return value


FUNCTIONS: NodeFunctions = {ReflectionsNode: lambda *_: reflect}
