"""Complex matrices of single gates, group by group."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from qcompile.executors.constants import Constants, ConstantTensor
from qcompile.executors.network.count import has_constant
from qcompile.executors.network.program import GateRotation, MatrixGroup
from qcompile.executors.sweeps.families import AngleTable
from qcompile.executors.sweeps.operators import MixedAngles, TrainableAngles
from qcompile.ir.circuit import Affine
from qcompile.ir.matrices import Matrix


class GateMatrices:
    """data (B, w) and angles → the matrices of each group, (gates, B or 1, 2^k, 2^k) complex."""

    def __init__(self, groups: Sequence[MatrixGroup], constants: Constants) -> None:
        self.batched = [group.batched for group in groups]
        trainable = AngleTable()
        data: list[Affine] = []
        self.groups = [
            [RotationFactors(rotations, trainable, data, constants) for rotations in group.factors]
            for group in groups
        ]
        self.trainable = TrainableAngles(trainable, constants) if trainable.positions else None
        self.data = MixedAngles(data, constants) if data else None

    def __call__(self, data: Tensor, angles: Tensor | None) -> list[Tensor]:
        trained = None if self.trainable is None else self.trainable(angles, data)
        mixed = None
        if self.data is not None:
            # Laid out like this, the matrices of a gate lie one token after another.
            mixed = self.data(data.t().contiguous().t(), angles)
        found = []
        for factors in self.groups:
            product = factors[0](trained, mixed, data)
            for factor in factors[1:]:
                product = factor(trained, mixed, data) @ product
            found.append(product)
        return found


class RotationFactors:
    """One rotation of each gate of a group."""

    def __init__(
        self,
        rotations: Sequence[GateRotation],
        trainable: AngleTable,
        data: list[Affine],
        constants: Constants,
    ) -> None:
        """Notes its angles in `trainable` or `data`."""
        self.kind = rotations[0].kind
        self.constant: ConstantTensor | None = None
        if self.kind == "fixed" or has_constant(rotations):
            self.constant = complex_table([r.constant for r in rotations], constants)
        angles = [rotation.angle for rotation in rotations if rotation.angle is not None]
        if angles:
            self.cosine = complex_table([r.cosine for r in rotations], constants)
            self.sine = complex_table([r.sine for r in rotations], constants)
        if self.kind == "trainable":
            self.indices = constants.index([trainable.position(angle) for angle in angles])
        self.rows = slice(len(data), len(data) + len(angles))
        if self.kind == "data":
            data.extend(angles)

    def __call__(self, trainable: Tensor | None, data: Tensor | None, reference: Tensor) -> Tensor:
        """(gates, B or 1, 2^k, 2^k), complex."""
        constant = None if self.constant is None else self.constant.like(reference)
        if self.kind == "fixed":
            assert constant is not None
            return _matrices(constant)
        if self.kind == "data":
            assert data is not None
            angles = data[self.rows]
        else:
            assert trainable is not None
            angles = trainable.index_select(0, self.indices.on(reference)).unsqueeze(1)
        half = (0.5 * angles).unsqueeze(2).unsqueeze(3)
        turned = half.cos() * self.cosine.like(reference) + half.sin() * self.sine.like(reference)
        return _matrices(turned if constant is None else turned + constant)


def complex_table(matrices: Sequence[Matrix], constants: Constants) -> ConstantTensor:
    """(n, 1, entries, 2): real and imaginary parts."""
    values = torch.tensor(matrices, dtype=torch.complex128, device="cpu")
    return constants.real(torch.view_as_real(values).unsqueeze(1).contiguous())


def _matrices(entries: Tensor) -> Tensor:
    """(n, m, 4^k, 2) real → (n, m, 2^k, 2^k) complex."""
    side = math.isqrt(entries.shape[2])
    return torch.view_as_complex(entries).reshape(*entries.shape[:2], side, side)
