"""Elements chosen by others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qcompile.ir.ops.elementwise import ActivationNode
from qcompile.ir.ops.selection import TopNode, WhereNode
from qcompile.ir.ops.tables import VectorNode
from qcompile.testing.growing import Growing

Array = NDArray[np.float64]


def chosen(node: WhereNode, condition: Array, yes: Array, no: Array) -> Array:
    return np.where(condition != 0, yes, no)


def largest(node: TopNode, value: Array) -> Array:
    marks = np.zeros_like(value)
    for row, marked in zip(value, marks, strict=True):
        order = sorted(range(len(row)), key=lambda place: (-row[place], place))
        marked[order[: node.count]] = 1.0
    return marks


def random_choice(program: Growing, operand: int, width: int) -> WhereNode:
    # The condition is that of a tensor: what is computed may differ by rounding at a jump.
    vectors = [
        program.append(VectorNode(tensor=program.tensor((width,)), width=width), degree=1)
        for _ in range(2)
    ]
    step = ActivationNode(operand=vectors[0], kind="step", width=width)
    condition = program.append(step, degree=1)
    return WhereNode(condition=condition, yes=operand, no=vectors[1], width=width)


LINEAR = False
VALUES = {WhereNode: chosen, TopNode: largest}
RANDOM_NODE = random_choice
