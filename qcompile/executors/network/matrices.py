"""Complex matrices of single gates, (2,) * 2k or (B, 2, …) where their angles depend on data."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from qcompile.executors.constants import Constants, ConstantTensor
from qcompile.executors.sweeps.operators import MixedAngles
from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.gates import GATES
from qcompile.ir.matrices import Matrix


class GateMatrices:
    """data (B, w) and angles → one complex tensor for each gate, up to a global phase."""

    def __init__(self, gates: Sequence[Gate], constants: Constants) -> None:
        self.gates = [GateMatrix(gate, constants) for gate in gates]

    def __call__(self, data: Tensor, angles: Tensor | None) -> list[Tensor]:
        return [gate(data, angles) for gate in self.gates]


class GateMatrix:
    """The product of one to three terms."""

    def __init__(self, gate: Gate, constants: Constants) -> None:
        self.qubits = GATES[gate.name].qubits
        self.from_data = any(angle.data for angle in gate.angles)
        self.terms = [
            (
                tuple(self._parts(_dense(matrix), constants) for matrix in (c, k, s)),
                None if angle is None else MixedAngles([angle], constants),
                angle is not None and bool(angle.data),
            )
            for c, k, s, mix in GATES[gate.name].terms
            for angle in (mix and Affine(constant=mix[0], angles=mix[1]).substitute(gate.angles),)
        ]

    def _parts(self, table: Tensor, constants: Constants) -> tuple[ConstantTensor, ConstantTensor]:
        return constants.real(table.real.clone()), constants.real(table.imag.clone())

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor:
        product: Tensor | None = None
        for tables, mixed, from_data in self.terms:
            fixed, cosine, sine = (
                torch.complex(real.like(data), imaginary.like(data)) for real, imaginary in tables
            )
            matrix = fixed
            if mixed is not None:
                half = 0.5 * mixed(
                    data if from_data else data.new_zeros(1, data.shape[1]), angles
                ).reshape(-1, 1, 1)
                matrix = fixed + half.cos() * cosine + half.sin() * sine
                if not from_data:
                    matrix = matrix.squeeze(0)
            product = matrix if product is None else matrix @ product
        assert product is not None
        sides = (2,) * (2 * self.qubits)
        return product.reshape(-1, *sides) if self.from_data else product.reshape(sides)


def _dense(matrix: Matrix) -> Tensor:
    size = math.isqrt(len(matrix))
    return torch.tensor(matrix, dtype=torch.complex128, device="cpu").reshape(size, size)
