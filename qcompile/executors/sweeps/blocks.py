"""Kronecker products of one-qubit matrices that do not depend on data, family by family.

Complex numbers are 2 × 2 real matrices until the last step, so that factors of a qubit and those of
a product are one batched matrix product each, forward and backward, however many rows there are.
"""

from __future__ import annotations

import torch
from torch import Tensor

from qcompile.executors.constants import Constants
from qcompile.executors.sweeps.families import AngleTable, BlockFamily
from qcompile.ir.matrices import Matrix


class BlockRows:
    """Kronecker products of `width` one-qubit matrices: (rows, parts, 2^width, 2^width).

    Parts: 1 where all matrices are real, else 2, real and imaginary.
    """

    def __init__(self, family: BlockFamily, angles: AngleTable, constants: Constants) -> None:
        self.real = family.real
        self.rotates = family.rotates
        self.size = 2 if self.real else 4
        self.shape = (len(family.rows), family.width, family.length)
        factors = family.factors()
        constant, cosine, sine = (
            self._table([getattr(factor, name) for factor in factors])
            for name in ("constant", "cosine", "sine")
        )
        if self.rotates:
            self.constant = constants.real(constant.unsqueeze(1))
            self.moving = constants.real(torch.stack((cosine, sine), 1))
            self.indices = constants.index(
                [0 if factor.angle is None else angles.position(factor.angle) for factor in factors]
            )
        else:
            self.fixed = constants.real(self._product(constant))

    def _table(self, matrices: list[Matrix]) -> Tensor:
        """(slots, size²): matrices on real numbers, or on real and imaginary parts."""
        values = torch.tensor(matrices, dtype=torch.complex128, device="cpu").reshape(-1, 2, 2)
        real, imaginary = values.real, values.imag
        if not self.real:
            top = torch.cat((real, -imaginary), 2)
            real = torch.cat((top, torch.cat((imaginary, real), 2)), 1)
        return real.flatten(1)

    def __call__(self, angles: Tensor) -> Tensor:
        if not self.rotates:
            return self.fixed.like(angles)
        half = 0.5 * angles.index_select(0, self.indices.on(angles))
        waves = torch.stack((half.cos(), half.sin()), 1).unsqueeze(1)
        return self._product(
            torch.baddbmm(self.constant.like(angles), waves, self.moving.like(angles))
        )

    def _product(self, factors: Tensor) -> Tensor:
        """Factors (slots, …) of rows, qubits and places, the first place acting first."""
        rows, width, length = self.shape
        places = factors.reshape(rows * width, length, self.size, self.size).unbind(1)
        matrices = places[0]
        for place in places[1:]:
            matrices = torch.bmm(place, matrices)
        return kronecker(matrices.reshape(rows, width, self.size, self.size))


def kronecker(matrices: Tensor) -> Tensor:
    """(rows, width, 2 parts, 2 parts), matrices on real and imaginary parts where these are two,
    → (rows, parts, 2^width, 2^width)."""
    rows, width, size, _ = matrices.shape
    parts = size // 2
    first = matrices[:, 0, :, :2]
    if width == 1:
        return first.reshape(rows, parts, 2, 2)
    block = first.reshape(rows, parts, 4)
    # One part's row and column of a qubit beside those of the qubits before it.
    split = matrices[:, 1:].reshape(rows, width - 1, parts, 2, parts, 2)
    steps = split.permute(0, 1, 2, 3, 5, 4).reshape(rows, width - 1, 4 * parts, parts)
    for step in steps.unbind(1):
        block = torch.bmm(step, block).reshape(rows, parts, -1)
    # The last qubit comes first, and a row's index of each before its column's.
    spread = block.reshape(rows, parts, *(2 for _ in range(2 * width)))
    places = [*range(2 * width, 0, -2), *range(2 * width + 1, 1, -2)]
    return spread.permute(0, 1, *places).reshape(rows, parts, 2**width, 2**width)
