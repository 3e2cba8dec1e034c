"""Rows made orthogonal, by a QR decomposition."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.ir.ops.orthonormal import OrthonormalNode
from qcompile.ir.ops.tables import TableNode
from qcompile.testing.growing import Growing

Array = NDArray[np.float64]


def orthogonalised(node: OrthonormalNode, table: Array) -> Array:
    q, r = np.linalg.qr(table.T)
    return np.asarray((q * np.sign(np.diagonal(r))).T)


def random_orthonormal(program: Growing, operand: int, width: int) -> OrthonormalNode:
    # A table of its own: the rows of others may depend on each other.
    width = program.draw(st.integers(2, max(2, program.max_width)))
    rows = program.draw(st.integers(1, min(width - 1, 3)))
    tensor = program.tensor((rows, width))
    table = program.append(TableNode(tensor=tensor, rows=rows, width=width), degree=0)
    return OrthonormalNode(operand=table, rows=rows, width=width)


LINEAR = False
VALUES = {OrthonormalNode: orthogonalised}
RANDOM_NODE = random_orthonormal
