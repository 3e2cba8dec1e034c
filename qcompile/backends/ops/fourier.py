"""The torch of Fourier transforms."""

from __future__ import annotations

import torch
from torch import Tensor

from qcompile.backends.simulator.steps import NodeFunctions
from qcompile.ir.ops.fourier import InverseFourierNode


def inverse_fourier(table: Tensor) -> Tensor:
    """(m, n) → (m, n)."""
    result: Tensor = torch.fft.ifft2(table).real
    return result


FUNCTIONS: NodeFunctions = {InverseFourierNode: lambda *_: inverse_fourier}
