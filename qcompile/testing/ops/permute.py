"""Permutations, element by element."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.ir.ops.permute import PermuteNode
from qcompile.testing.growing import Growing, divisors

Array = NDArray[np.float64]


def permuted(node: PermuteNode, value: Array) -> Array:
    extents = [node.modes[axis] for axis in node.axes]
    columns = []
    for new in itertools.product(*map(range, extents)):
        old = dict(zip(node.axes, new, strict=True))
        place = 0
        for axis, mode in enumerate(node.modes):
            place = place * mode + old[axis]
        columns.append(value[:, place])
    return np.stack(columns, axis=1)


def random_permutation(program: Growing, operand: int, width: int) -> PermuteNode:
    first = program.draw(st.sampled_from([1, *divisors(width)]))
    second = program.draw(st.sampled_from([1, *divisors(width // first)]))
    modes = (first, second, width // first // second)
    axes = tuple(program.draw(st.permutations(range(3))))
    return PermuteNode(operand=operand, modes=modes, axes=axes, width=width)


VALUES = {PermuteNode: permuted}
RANDOM_NODE = random_permutation
