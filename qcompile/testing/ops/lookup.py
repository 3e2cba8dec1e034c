"""Columns and elements at token ids, of which x has a one at each."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.ir.ops.lookup import LookupNode, LookupValueNode, PickNode
from qcompile.testing.growing import Growing

Array = NDArray[np.float64]


def columns(node: LookupNode, x: Array, weight: Array) -> Array:
    return np.stack([sum(x[t, k] * weight[:, k] for k in range(x.shape[1])) for t in range(len(x))])


def columns_of_value(node: LookupValueNode, x: Array, weight: Array) -> Array:
    return np.asarray(x @ weight.reshape(node.width, x.shape[1]).T)


def elements(node: PickNode, value: Array) -> Array:
    return np.stack([value[:, place] for place in node.places], axis=1)


def random_pick(program: Growing, operand: int, width: int) -> PickNode:
    places = program.draw(st.lists(st.integers(0, width - 1), min_size=1, max_size=width))
    return PickNode(operand=operand, places=tuple(places))


VALUES = {LookupNode: columns, LookupValueNode: columns_of_value, PickNode: elements}
RANDOM_NODE = random_pick
