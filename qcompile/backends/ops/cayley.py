"""Orthogonal matrices from skew-symmetric ones; Cayley unitary adapters, arXiv:2605.05914."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.backends.simulator.steps import NodeFunctions
from qcompile.executors.constants import ConstantTensor
from qcompile.ir.ops.cayley import CayleyNode

SIDE = 16
"""Rows up to which small blocks are laid along the diagonal of larger ones: matrix products of four
columns use a processor badly, and a quarter of the arithmetic in four times as many of them is
slower by a factor of two."""


def places(block: int) -> list[int]:
    """For each entry of a b × b matrix, row by row, which stored number stands there.

    The b (b − 1) / 2 numbers above the diagonal are counted row by row; all other entries are the
    number behind them, which is zero.
    """
    count = block * (block - 1) // 2
    numbers = iter(range(count))
    return [next(numbers) if j > i else count for i in range(block) for j in range(block)]


def cayley(skew: Tensor, entries: Tensor, block: int, powers: int = 0) -> Tensor:
    """(n, b (b − 1) / 2) → (n, b, b), each Q = (I − A)(I + A)^{-1} with det Q = 1.

    Written as I − 2 (I + A)^{-1} A, the same matrix: for A = 0 the solution is zero whatever the
    solver does, so that Q = I exactly. I + A is never singular, as A has imaginary eigenvalues.
    With `powers`, the series of `CayleyNode`.
    """
    padded = torch.cat((skew, skew.new_zeros(skew.shape[0], 1)), 1)
    upper = padded.index_select(1, entries).reshape(-1, block, block)
    matrix = upper - upper.transpose(1, 2)
    unit = torch.eye(block, dtype=skew.dtype, device=skew.device)
    if powers:
        series = unit
        for _ in range(powers - 1):
            series = 2.0 * unit - matrix @ series
        return unit - matrix @ series
    # `solve` waits for the device to look for singular matrices.
    solved: Tensor = torch.linalg.solve_ex(unit + matrix, matrix).result
    return unit - 2.0 * solved


def rotate(value: Tensor, matrices: Tensor) -> Tensor:
    """(…, n b) → (…, n b): matrix k on the k-th b elements."""
    matrices = _grouped(matrices)
    count, block, _ = matrices.shape
    blocks = value.reshape(*value.shape[:-1], count, block)
    return torch.einsum("...nj,nij->...ni", blocks, matrices).reshape(value.shape)


def _grouped(matrices: Tensor) -> Tensor:
    """(n, b, b) → (n / g, g b, g b), g of them along each diagonal."""
    count, block, _ = matrices.shape
    most = max(1, SIDE // block)
    together = next(size for size in range(most, 0, -1) if count % size == 0)
    unit = torch.eye(together, dtype=matrices.dtype, device=matrices.device)
    parts = matrices.reshape(-1, together, block, 1, block) * unit.reshape(1, together, 1, -1, 1)
    return parts.reshape(-1, together * block, together * block)


@dataclass(frozen=True)
class Rotation:
    """An orthogonal matrix on every block."""

    block: int
    places: ConstantTensor
    powers: int

    def __call__(self, value: Tensor, skew: Tensor) -> Tensor:
        return rotate(value, cayley(skew, self.places.on(skew), self.block, self.powers))


FUNCTIONS: NodeFunctions = {
    CayleyNode: lambda node, context: Rotation(
        node.block, context.constants.index(places(node.block)), node.powers
    )
}
