"""Kronecker products, row by row."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.ir.ops.kron import KronNode
from qcompile.ir.ops.tables import TableNode, VectorNode
from qcompile.testing.growing import Growing

Array = NDArray[np.float64]


def kron_rows(node: KronNode, left: Array, right: Array) -> Array:
    if node.tables:
        return np.array([np.kron(a, b) for a in left for b in right])
    # One of them may have a single row, which goes with all rows of the other.
    rows = len(left) if len(right) == 1 else len(right)
    pairs = [(left[i % len(left)], right[i % len(right)]) for i in range(rows)]
    return np.array([np.kron(a, b) for a, b in pairs]).reshape(rows, node.width)


def random_kron(program: Growing, operand: int, width: int) -> KronNode | None:
    draw = program.draw
    size = draw(st.integers(1, 3))
    if width * size > program.max_width:
        return None
    tables = program.domain(operand).kind == "rows"
    if tables and draw(st.booleans()):
        rows = draw(st.integers(1, 2))
        own: TableNode | VectorNode = TableNode(
            tensor=program.tensor((rows, size)), rows=rows, width=size
        )
    else:
        own, tables = VectorNode(tensor=program.tensor((size,)), width=size), False
    other = program.append(own, degree=1)
    left, right = draw(st.sampled_from(((operand, other), (other, operand))))
    return KronNode(left=left, right=right, tables=tables, width=width * size)


LINEAR = False
VALUES = {KronNode: kron_rows}
RANDOM_NODE = random_kron
