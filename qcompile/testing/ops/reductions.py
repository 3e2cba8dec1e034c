"""Sums over a value, element by element."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.ir.ops.reductions import ReduceNode
from qcompile.testing.growing import Growing, divisors

Array = NDArray[np.float64]


def column_sums(node: ReduceNode, value: Array) -> Array:
    total = np.zeros((len(value), node.width))
    size = value.shape[1] // node.width
    for place, column in enumerate(value.T):
        total[:, place // size] += column
    return total


def random_reduction(program: Growing, operand: int, width: int) -> ReduceNode:
    return ReduceNode(operand=operand, width=program.draw(st.sampled_from([1, *divisors(width)])))


VALUES = {ReduceNode: column_sums}
RANDOM_NODE = random_reduction
