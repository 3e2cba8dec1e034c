"""Values at drawn places; that places are distinct and fixed is a test of its own."""

from __future__ import annotations

from typing import get_args

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.ir.domains import FREE
from qcompile.ir.ops.scatter import Draw, ScatterNode, drawn_places
from qcompile.ir.ops.tables import VectorNode
from qcompile.testing.growing import Growing

Array = NDArray[np.float64]


def scattered(node: ScatterNode, value: Array) -> Array:
    table = np.zeros((node.rows, node.width))
    for number, place in zip(
        value[0], drawn_places(table.size, value.shape[1], node.seed, node.draw), strict=True
    ):
        table[divmod(place, node.width)] = number
    return table


def random_scatter(program: Growing, operand: int, width: int) -> ScatterNode:
    if program.domain(operand) != FREE:
        vector = VectorNode(tensor=program.tensor((width,)), width=width)
        operand = program.append(vector, degree=1)
    rows = program.draw(st.integers(1, 4))
    size = program.draw(st.integers(-(-width // rows), max(program.max_width, -(-width // rows))))
    seed = program.draw(st.integers(0, 3))
    draw = program.draw(st.sampled_from(get_args(Draw)))
    return ScatterNode(operand=operand, rows=rows, width=size, seed=seed, draw=draw)


LINEAR = False
VALUES = {ScatterNode: scattered}
RANDOM_NODE = random_scatter
