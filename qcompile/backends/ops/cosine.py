"""The torch of cosine transforms."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from qcompile.backends.simulator.steps import NodeFunctions
from qcompile.ir.ops.cosine import InverseCosineNode


def inverse_cosines(table: Tensor) -> Tensor:
    """(m, n) → (m, n)."""
    return _along_rows(_along_rows(table).mT).mT


def _along_rows(table: Tensor) -> Tensor:
    """The DCT-III of every row, as the real part of a Fourier transform of twice the length."""
    width = table.shape[-1]
    k = torch.arange(width, dtype=table.dtype, device=table.device)
    weights = ((1.0 + (k > 0).to(table.dtype)) / width).sqrt()
    turned = torch.polar(weights, k * (math.pi / (2 * width))) * table
    result: Tensor = torch.fft.ifft(turned, n=2 * width, norm="forward").real[..., :width]
    return result


FUNCTIONS: NodeFunctions = {InverseCosineNode: lambda *_: inverse_cosines}
