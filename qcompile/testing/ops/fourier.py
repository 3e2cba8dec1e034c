"""Fourier transforms by matrices of cosines and sines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qcompile.ir.ops.fourier import InverseFourierNode
from qcompile.testing.growing import Growing
from qcompile.testing.table_operands import table_operand

Array = NDArray[np.float64]


def cosine_transform(node: InverseFourierNode, table: Array) -> Array:
    m, n = table.shape
    left = 2.0 * np.pi * np.outer(np.arange(m), np.arange(m)) / m
    right = 2.0 * np.pi * np.outer(np.arange(n), np.arange(n)) / n
    cosines = np.cos(left) @ table @ np.cos(right)
    sines = np.sin(left) @ table @ np.sin(right)
    return np.asarray((cosines - sines) / (m * n))


def random_inverse(program: Growing, operand: int, width: int) -> InverseFourierNode:
    operand = table_operand(program, operand, width)
    return InverseFourierNode(operand=operand, rows=program.domain(operand).rows, width=width)


LINEAR = False
VALUES = {InverseFourierNode: cosine_transform}
RANDOM_NODE = random_inverse
