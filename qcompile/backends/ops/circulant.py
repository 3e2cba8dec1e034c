"""The torch of circulant blocks, by Fourier transforms."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.backends.simulator.steps import NodeFunctions
from qcompile.ir.ops.circulant import CirculantNode


@dataclass(frozen=True)
class Circulant:
    """y_k = Σ_l w_l x_(k + l mod b) in each block, summed over the blocks of a row."""

    block: int

    def __call__(self, value: Tensor, rows: Tensor) -> Tensor:
        blocks = value.reshape(*value.shape[:-1], -1, self.block)
        spectrum = torch.fft.rfft(rows).conj()
        mixed = torch.einsum("...nf,mnf->...mf", torch.fft.rfft(blocks), spectrum)
        result: Tensor = torch.fft.irfft(mixed, n=self.block)
        return result.flatten(-2)


FUNCTIONS: NodeFunctions = {CirculantNode: lambda node, _: Circulant(node.block)}
