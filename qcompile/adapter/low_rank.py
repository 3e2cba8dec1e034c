"""Singular values of updates, which are mostly of low rank."""

from __future__ import annotations

import torch
from torch import Tensor

SMALL = 512
"""Up to this side the whole decomposition takes less than a second."""

SKETCH = 64
NOISE = 1e-6
"""What may be missing of an update that is computed in float32, as a share of its norm."""


def singular_values(delta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """u (m, k), s (k,) and vh (k, n) of a matrix (m, n), float64, k at most its smaller side.

    A large matrix is first multiplied with random vectors (Halko, Martinsson, Tropp,
    arXiv:0909.4061, algorithm 4.1). Their images span its range where its rank is less than their
    number, which the remainder shows; only then are they used, so the result is that of the whole
    decomposition up to `NOISE`.
    """
    delta = delta.double()
    smaller = min(delta.shape)
    norm = torch.linalg.matrix_norm(delta)
    width = SKETCH
    while smaller > SMALL and 4 * width <= smaller:
        random = torch.Generator().manual_seed(width)
        probes = torch.randn(delta.shape[1], width, generator=random, dtype=torch.float64)
        basis, _ = torch.linalg.qr(delta @ probes)
        inner = basis.T @ delta
        if torch.linalg.matrix_norm(delta - basis @ inner) <= NOISE * norm:
            u, s, vh = torch.linalg.svd(inner, full_matrices=False)
            return basis @ u, s, vh
        width *= 4
    u, s, vh = torch.linalg.svd(delta, full_matrices=False)
    return u, s, vh


def remaining(s: Tensor) -> Tensor:
    """What is left without the first 1, 2, … singular values, as a share of the norm; (k,)."""
    total = torch.linalg.vector_norm(s)
    if total == 0:
        return torch.zeros_like(s)
    # Summed from the smallest, so that small remainders are exact.
    tails = s.square().flip(0).cumsum(0).flip(0)
    left = torch.cat([tails[1:], tails.new_zeros(1)])
    shares: Tensor = left.sqrt() / total
    return shares
