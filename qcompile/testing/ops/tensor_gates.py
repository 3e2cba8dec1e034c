"""Tensor gates, one after the other."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qcompile.ir.ops.tensor_gates import TensorGatesNode

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


VALUES = {TensorGatesNode: gated}
