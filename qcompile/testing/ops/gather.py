"""Elements at drawn places, one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.ir.ops.gather import GatherNode
from qcompile.ir.ops.scatter import drawn_places
from qcompile.testing.growing import Growing

Array = NDArray[np.float64]


def at_drawn_places(node: GatherNode, value: Array) -> Array:
    places = drawn_places(value.shape[1], node.width, node.seed)
    return np.stack([value[:, place] for place in places], axis=1)


def random_gather(program: Growing, operand: int, width: int) -> GatherNode:
    count = program.draw(st.integers(1, width))
    return GatherNode(operand=operand, width=count, seed=program.draw(st.integers(0, 3)))


VALUES = {GatherNode: at_drawn_places}
RANDOM_NODE = random_gather
