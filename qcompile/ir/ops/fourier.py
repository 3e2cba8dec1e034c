"""`ifft2(t)`: the inverse Fourier transform of a table. FourierFT, arXiv:2405.03003."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.ir.node import NodeWork
from qcompile.ir.table_transform import SpecTableTransform, TableTransformNode, transform_operation


@dataclass(frozen=True, slots=True, kw_only=True)
class InverseFourierNode(TableTransformNode):
    """(1 / (m n)) Σ t_kl cos(2π (i k / m + j l / n)) for a table (m, n), m = `rows`."""

    def work(self, widths: Sequence[int]) -> NodeWork:
        size = self.rows * self.width
        # For each row of the table.
        return NodeWork(each=5.0 * math.log2(max(size, 2)) * self.width, peak=2 * size)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecInverseFourier(SpecTableTransform):
    """`ifft2(t)`"""

    NODE = InverseFourierNode


OPERATIONS = (
    transform_operation(
        "ifft2",
        "the real part of its inverse two-dimensional Fourier transform",
        SpecInverseFourier,
    ),
)
