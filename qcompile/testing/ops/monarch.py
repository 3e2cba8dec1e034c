"""Monarch matrices as products of dense matrices."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.ir.ops.monarch import MonarchNode
from qcompile.testing.growing import Growing, divisors

Array = NDArray[np.float64]


def block_diagonal(blocks: Array) -> Array:
    """(n, rows, columns) → (n rows, n columns)."""
    count, rows, columns = blocks.shape
    total = np.zeros((count * rows, count * columns))
    for k, block in enumerate(blocks):
        total[k * rows : (k + 1) * rows, k * columns : (k + 1) * columns] = block
    return total


def monarch_permutation(rows: int, columns: int) -> Array:
    """P with P x = x, as a (rows, columns) matrix, read column by column."""
    order = np.arange(rows * columns).reshape(rows, columns).T.ravel()
    return np.eye(rows * columns)[order]


def monarch_matrix(right: Array, left: Array) -> Array:
    """P L Pᵀ R of (b, q, p) and (q, b, b)."""
    b, q, _ = right.shape
    p = monarch_permutation(q, b)
    return np.asarray(p @ block_diagonal(left) @ p.T @ block_diagonal(right))


def monarch_multiplied(node: MonarchNode, value: Array, right: Array, left: Array) -> Array:
    return np.asarray(value @ monarch_matrix(right, left).T)


def random_monarch(program: Growing, operand: int, width: int) -> MonarchNode | None:
    if not divisors(width):
        return None
    b = program.draw(st.sampled_from(divisors(width)))
    q = program.draw(st.integers(1, 2))
    return MonarchNode(
        operand=operand,
        right=program.tensor((b, q, width // b)),
        left=program.tensor((q, b, b)),
        blocks=b,
        width=b * q,
    )


VALUES = {MonarchNode: monarch_multiplied}
RANDOM_NODE = random_monarch
