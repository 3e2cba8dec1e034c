"""Circulant blocks as dense matrices."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.ir.ops.circulant import CirculantNode
from qcompile.testing.growing import Growing, divisors

Array = NDArray[np.float64]


def circulant(node: CirculantNode, value: Array, rows: Array) -> Array:
    matrix = np.block(
        [[np.array([np.roll(w, k) for k in range(node.block)]) for w in row] for row in rows]
    )
    return np.asarray(value @ matrix.T)


def random_circulant(program: Growing, operand: int, width: int) -> CirculantNode:
    block = program.draw(st.sampled_from([1, *divisors(width)]))
    count = program.draw(st.integers(1, max(1, program.max_width // block)))
    tensor = program.tensor((count, width // block, block))
    return CirculantNode(operand=operand, tensor=tensor, block=block, width=count * block)


VALUES = {CirculantNode: circulant}
RANDOM_NODE = random_circulant
