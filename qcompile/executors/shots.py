"""Finite shots: exact binomial and multinomial samples with the exact value's gradient.

Draws come from torch's default generator of the device: activation checkpointing restores its
state, so that a recomputed forward draws the same, and `torch.manual_seed` makes runs repeatable.
"""

from __future__ import annotations

import torch
from torch import Tensor


def sample_signs(values: Tensor, shots: int) -> Tensor:
    """Mean of `shots` outcomes ±1 whose expectation is `values`, any shape."""
    up = ((1 + values.detach()) / 2).clamp(0, 1)
    mean = 2 * torch.binomial(torch.full_like(up, shots), up) / shots - 1
    return straight_through(values, mean)


def sample_distribution(probabilities: Tensor, shots: int) -> Tensor:
    """Relative frequencies of 2^k outcomes, (2^k, B): one multinomial sample for each column.

    Splits the shots bit by bit with binomial draws, which is exact.
    """
    exact = probabilities.detach().clamp(min=0)
    size, batch = exact.shape
    counts = torch.full_like(exact[:1], shots)
    parts = 1
    while parts < size:
        mass = exact.reshape(parts, 2, -1, batch).sum(2)
        total = mass.sum(1)
        share = torch.where(total > 0, mass[:, 1] / torch.where(total > 0, total, 1), 0)
        ones = torch.binomial(counts, share.clamp(0, 1))
        counts = torch.stack((counts - ones, ones), 1).reshape(2 * parts, batch)
        parts *= 2
    return straight_through(probabilities, counts / shots)


def straight_through(exact: Tensor, sample: Tensor) -> Tensor:
    """The value of `sample`, the gradient of `exact`."""
    return exact + (sample - exact).detach()
