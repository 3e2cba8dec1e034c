"""Initial states: |0…0⟩, product states of encodings, amplitude encodings."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from qcompile.executors.constants import Constants, ConstantTensor
from qcompile.executors.sweeps.amplitudes import unit_states
from qcompile.executors.sweeps.operators import MixedAngles
from qcompile.executors.sweeps.program import (
    AmplitudeStart,
    ProductStart,
    SweepProgram,
    ZeroStart,
)
from qcompile.ir.circuit import Affine, AmplitudeState
from qcompile.ir.factors import IDENTITY, Factor, fixed
from qcompile.ir.matrices import Matrix


class StartState(Protocol):
    """data (B, w) and angles → state (1, parts, 2^n, B), or B = 1 where it is the same for all."""

    parts: int
    batched: bool
    """It is not the same for all tokens."""

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor: ...


def build_start(program: SweepProgram, constants: Constants) -> StartState:
    """The callable of the program's start."""
    match program.start:
        case ZeroStart():
            return Zero(program.wires)
        case ProductStart():
            return Product(program.start, constants)
        case AmplitudeStart(initial=initial) if program.density:
            return Outer(Amplitudes(program.wires // 2, initial))
        case AmplitudeStart(initial=initial):
            return Amplitudes(program.wires, initial)


class Zero:
    """|0…0⟩ for all tokens at once."""

    parts = 1
    batched = False

    def __init__(self, qubits: int) -> None:
        self.dimension = 2**qubits

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor:
        return zero_state(data, self.dimension)


def zero_state(data: Tensor, dimension: int) -> Tensor:
    """(1, 1, dimension, 1)."""
    one = torch.ones(1, 1, 1, 1, dtype=data.dtype, device=data.device)
    return torch.nn.functional.pad(one, (0, 0, 0, dimension - 1))


class Amplitudes:
    """z / ‖z‖, zero-padded; |0…0⟩ for z = 0, with zero gradient there."""

    parts = 1
    batched = True

    def __init__(self, qubits: int, initial: AmplitudeState) -> None:
        self.dimension = 2**qubits
        self.initial = initial

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor:
        start = self.initial.offset
        values = data[:, start : start + self.initial.width]
        return unit_states(values, self.dimension).reshape(1, 1, self.dimension, -1)


class Outer:
    """|ψ⟩⟨ψ| of a real state."""

    parts = 1
    batched = True

    def __init__(self, ket: StartState) -> None:
        self.ket = ket

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor:
        state = self.ket(data, angles)[0, 0]
        outer = state.unsqueeze(1) * state.unsqueeze(0)
        return outer.reshape(1, 1, -1, state.shape[1])


class Product:
    """One-qubit gates on |0…0⟩: n vectors a token, then their Kronecker product."""

    batched = True

    def __init__(self, start: ProductStart, constants: Constants) -> None:
        chains = start.chains
        length = max(len(chain) for chain in chains)
        pad = fixed(IDENTITY)
        padded = [(*chain, *(pad for _ in range(length - len(chain)))) for chain in chains]
        self.parts = 1 if start.real else 2
        angles = [[chain[k].angle or Affine() for chain in padded] for k in range(length)]
        self.angles = [MixedAngles(row, constants) for row in angles]
        self.tables = [
            self._tables([chain[k] for chain in padded], constants) for k in range(length)
        ]

    def _tables(
        self, factors: list[Factor], constants: Constants
    ) -> tuple[ConstantTensor | None, ConstantTensor, ConstantTensor]:
        moving = any(any(entry != 0 for entry in factor.constant) for factor in factors)
        return (
            self._table([factor.constant for factor in factors], constants) if moving else None,
            self._table([factor.cosine for factor in factors], constants),
            self._table([factor.sine for factor in factors], constants),
        )

    def _table(self, matrices: list[Matrix], constants: Constants) -> ConstantTensor:
        """(n, parts, 2, 2, 1)."""
        values = torch.tensor(matrices, dtype=torch.complex128, device="cpu").reshape(-1, 2, 2, 1)
        parts = [values.real, values.imag][: self.parts]
        return constants.real(torch.stack(parts, 1))

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor:
        vectors: Tensor | None = None
        for mixed, (constant, cosine, sine) in zip(self.angles, self.tables, strict=True):
            half = (0.5 * mixed(data, angles)).unsqueeze(1).unsqueeze(1)
            if vectors is None:
                vectors = (
                    half.cos() * cosine.like(data)[..., 0, :]
                    + half.sin() * sine.like(data)[..., 0, :]
                )
                if constant is not None:
                    vectors = vectors + constant.like(data)[..., 0, :]
                continue
            half = half.unsqueeze(1)
            matrices = half.cos() * cosine.like(data) + half.sin() * sine.like(data)
            if constant is not None:
                matrices = matrices + constant.like(data)
            vectors = self._apply(matrices, vectors)
        assert vectors is not None
        return self._kronecker(vectors)

    def _apply(self, matrices: Tensor, vectors: Tensor) -> Tensor:
        """(n, parts, 2, 2, B) on (n, parts, 2, B)."""
        columns = vectors.unsqueeze(2)
        if self.parts == 1:
            return (matrices * columns).sum(3)
        a, b = matrices.unbind(1)
        c, d = columns.unbind(1)
        return torch.stack(((a * c - b * d).sum(2), (a * d + b * c).sum(2)), 1)

    def _kronecker(self, vectors: Tensor) -> Tensor:
        state = vectors[0]
        for vector in vectors[1:].unbind(0) if len(vectors) > 1 else ():
            left, right = state.unsqueeze(2), vector.unsqueeze(1)
            if self.parts == 1:
                product = left * right
            else:
                real = left[0] * right[0] - left[1] * right[1]
                imaginary = left[0] * right[1] + left[1] * right[0]
                product = torch.stack((real, imaginary))
            state = product.reshape(self.parts, 2 * state.shape[1], -1)
        return state.unsqueeze(0)
