"""Tensor gates, one after the other."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.ir.ops.tensor_gates import TensorGatesNode
from qcompile.testing.growing import Growing, modes_of

Array = NDArray[np.float64]


def gated(node: TensorGatesNode, a: Array, *gates: Array) -> Array:
    padded = np.zeros((a.shape[0], math.prod(node.modes)))
    padded[:, : a.shape[1]] = a
    state = padded.reshape(-1, *node.modes)
    for gate, (i, j) in zip(gates, node.pairs, strict=True):
        moved = np.moveaxis(state, (i + 1, j + 1), (-2, -1))
        rows = moved.reshape(*moved.shape[:-2], moved.shape[-2] * moved.shape[-1]) @ gate.T
        state = np.moveaxis(rows.reshape(moved.shape), (-2, -1), (i + 1, j + 1))
    return state.reshape(padded.shape)[:, : node.width]


def random_tensor_gates(program: Growing, operand: int, width: int) -> TensorGatesNode:
    draw = program.draw
    to, sites = draw(st.integers(1, program.max_width)), draw(st.integers(2, 3))
    modes = draw(modes_of(max(to, width), sites))
    axes = st.permutations(range(sites)).map(lambda order: (order[0], order[1]))
    pairs = tuple(draw(st.lists(axes, min_size=1, max_size=3)))
    gates = tuple(program.tensor((modes[i] * modes[j],) * 2) for i, j in pairs)
    return TensorGatesNode(operand=operand, gates=gates, pairs=pairs, modes=modes, width=to)


VALUES = {TensorGatesNode: gated}
RANDOM_NODE = random_tensor_gates
