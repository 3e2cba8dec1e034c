"""A frozen linear module of each pair of sizes, written out."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.ir.ops.base import BaseBiasNode, BaseNode, WeightNode
from qcompile.testing.base import base_bias, base_weight
from qcompile.testing.growing import Growing

Array = NDArray[np.float64]


def given(node: BaseNode, value: Array) -> Array:
    return np.asarray(value @ base_weight(value.shape[1], node.width).T + base_bias(node.width))


def random_base(
    program: Growing, operand: int, width: int
) -> BaseNode | WeightNode | BaseBiasNode | None:
    inner, outer = program.sizes
    match program.draw(st.sampled_from(("base", "weight", "bias"))):
        case "weight":
            return WeightNode(rows=outer, width=inner)
        case "bias":
            return BaseBiasNode(width=outer)
        case _:
            return BaseNode(operand=operand, width=outer) if width == inner else None


LINEAR = False
VALUES = {
    BaseNode: given,
    WeightNode: lambda node: base_weight(node.width, node.rows),
    BaseBiasNode: lambda node: base_bias(node.width),
}
RANDOM_NODE = random_base
