"""Reflections as dense matrices."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.ir.ops.reflections import ReflectionsNode
from qcompile.testing.growing import Growing

Array = NDArray[np.float64]


def reflected(node: ReflectionsNode, value: Array, rows: Array) -> Array:
    total = np.eye(node.width)
    for row in rows:
        length = float(row @ row)
        total = total @ (np.eye(node.width) - 2.0 * np.outer(row, row) / (length or 1.0))
    return np.asarray(value @ total.T)


def random_reflections(program: Growing, operand: int, width: int) -> ReflectionsNode:
    count = program.draw(st.integers(1, 3))
    tensor = program.tensor((count, width))
    return ReflectionsNode(operand=operand, tensor=tensor, count=count, width=width)


VALUES = {ReflectionsNode: reflected}
RANDOM_NODE = random_reflections
