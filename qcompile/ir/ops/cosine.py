"""`idct2(t)`: the inverse cosine transform of a table. LoCA, arXiv:2502.06820."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.ir.node import NodeWork
from qcompile.ir.table_transform import SpecTableTransform, TableTransformNode, transform_operation


@dataclass(frozen=True, slots=True, kw_only=True)
class InverseCosineNode(TableTransformNode):
    """Σ t_kl c_k(i) c_l(j), the orthonormal DCT-III along both axes of a table with `rows` rows.

    c_k(i) = w_k cos(π k (2 i + 1) / 2 m) for m rows, w_0 = √(1 / m) and w_k = √(2 / m).
    """

    def work(self, widths: Sequence[int]) -> NodeWork:
        size = self.rows * self.width
        # For each row of the table; both transforms are of twice the length.
        return NodeWork(each=10.0 * math.log2(max(4 * size, 2)) * self.width, peak=4 * size)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecInverseCosine(SpecTableTransform):
    """`idct2(t)`"""

    NODE = InverseCosineNode


OPERATIONS = (
    transform_operation(
        "idct2",
        "its inverse two-dimensional cosine transform, orthonormal",
        SpecInverseCosine,
    ),
)
