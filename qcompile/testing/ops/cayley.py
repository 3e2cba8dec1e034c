"""Cayley maps, from the formula."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.ir.ops.cayley import CayleyNode
from qcompile.testing.growing import Growing, divisors

Array = NDArray[np.float64]


def cayley_matrix(skew: Array, block: int, powers: int = 0) -> Array:
    """The block-diagonal orthogonal matrix of (blocks, block (block − 1) / 2) numbers."""
    size = len(skew) * block
    total = np.zeros((size, size))
    for k, numbers in enumerate(skew):
        a = np.zeros((block, block))
        a[np.triu_indices(block, 1)] = numbers
        a = a - a.T
        unit = np.eye(block)
        place = slice(k * block, (k + 1) * block)
        if powers:
            each = [(1 if k in (0, powers) else 2) for k in range(powers + 1)]
            terms = [c * np.linalg.matrix_power(-a, k) for k, c in enumerate(each)]
            total[place, place] = np.sum(terms, axis=0)
        else:
            total[place, place] = (unit - a) @ np.linalg.inv(unit + a)
    return total


def rotated(node: CayleyNode, value: Array, skew: Array) -> Array:
    return np.asarray(value @ cayley_matrix(skew, node.block, node.powers).T)


def random_cayley(program: Growing, operand: int, width: int) -> CayleyNode | None:
    if not divisors(width):
        return None
    block = program.draw(st.sampled_from(divisors(width)))
    skew = program.tensor((width // block, block * (block - 1) // 2))
    powers = program.draw(st.sampled_from([0, 0, 1, 4]))
    return CayleyNode(operand=operand, tensor=skew, block=block, width=width, powers=powers)


VALUES = {CayleyNode: rotated}
RANDOM_NODE = random_cayley
