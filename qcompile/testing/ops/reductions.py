"""Sums over a value, element by element."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qcompile.ir.ops.reductions import ReduceNode
from qcompile.testing.growing import Growing

Array = NDArray[np.float64]


def column_sums(node: ReduceNode, value: Array) -> Array:
    total = np.zeros((len(value), 1))
    for column in value.T:
        total[:, 0] += column
    return total


def random_reduction(program: Growing, operand: int, width: int) -> ReduceNode:
    return ReduceNode(operand=operand)


VALUES = {ReduceNode: column_sums}
RANDOM_NODE = random_reduction
