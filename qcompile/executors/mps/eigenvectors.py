"""The leading eigenvectors of density matrices, with a derivative that equal eigenvalues allow."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

EQUAL = 1e-12
"""Eigenvalues that are as close as this, in units of the largest, are one: what lies between them
is not known."""


class Eigenvectors(torch.autograd.Function):
    """(B, d, d) Hermitian, `keep` → eigenvectors (B, d, d), eigenvalues (B, d) ascending.

    Only the last `keep` eigenvectors may be used, and only in ways in which a unitary among them
    does not matter: their derivative has no part within the space that they span. Computed in
    float64, since eigenvalues are squares. See arXiv:1903.09650 for the general derivative.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(density: Tensor, keep: int) -> tuple[Tensor, Tensor]:
        double = torch.complex128 if density.is_complex() else torch.float64
        values, vectors = torch.linalg.eigh(density.to(double))
        real = torch.float64 if density.dtype == double else torch.float32
        return vectors.to(density.dtype), values.to(real)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: tuple[Tensor, Tensor]) -> None:
        vectors, values = output
        ctx.keep = inputs[1]
        ctx.mark_non_differentiable(values)
        ctx.save_for_backward(vectors, values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, None]:
        vectors, values = ctx.saved_tensors
        cut = values.shape[-1] - ctx.keep
        lost, kept = vectors[..., :cut], vectors[..., cut:]
        gaps = values[..., None, cut:] - values[..., :cut, None]
        close = gaps <= EQUAL * values[..., -1:, None]
        inverse = torch.where(close, 0, 1 / torch.where(close, 1, gaps))
        mixed = lost @ (inverse * (lost.mH @ grad[..., cut:])) @ kept.mH
        return 0.5 * (mixed + mixed.mH), None
