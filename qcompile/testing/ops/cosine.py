"""Cosine transforms by matrices of cosines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qcompile.ir.ops.cosine import InverseCosineNode
from qcompile.testing.growing import Growing
from qcompile.testing.table_operands import table_operand

Array = NDArray[np.float64]


def cosines(size: int) -> Array:
    """(size, size): row k is the k-th cosine, of norm 1."""
    angles = np.pi * np.outer(np.arange(size), 2 * np.arange(size) + 1) / (2 * size)
    matrix = np.cos(angles)
    return np.asarray(matrix / np.linalg.norm(matrix, axis=1, keepdims=True))


def from_cosines(node: InverseCosineNode, table: Array) -> Array:
    m, n = table.shape
    return np.asarray(cosines(m).T @ table @ cosines(n))


def random_cosine(program: Growing, operand: int, width: int) -> InverseCosineNode:
    operand = table_operand(program, operand, width)
    return InverseCosineNode(operand=operand, rows=program.domain(operand).rows, width=width)


LINEAR = False
VALUES = {InverseCosineNode: from_cosines}
RANDOM_NODE = random_cosine
