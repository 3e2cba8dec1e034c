"""Matrix product operators as dense matrices."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qcompile.ir.ops.mpo import MpoNode

Array = NDArray[np.float64]


def mpo_matrix(*cores: Array) -> Array:
    """The dense (∏ out_k, ∏ in_k) matrix of cores (χ_k, out_k, in_k, χ_{k+1})."""
    matrix = np.ones((1, 1, 1))
    for core in cores:
        _, out, inp, right = core.shape
        step = np.einsum("oil,lpjr->opijr", matrix, core)
        matrix = step.reshape(matrix.shape[0] * out, matrix.shape[1] * inp, right)
    return matrix[:, :, 0]


def multiplied(node: MpoNode, a: Array, *cores: Array) -> Array:
    padded = np.zeros((a.shape[0], math.prod(node.in_modes)))
    padded[:, : a.shape[1]] = a
    return (padded @ mpo_matrix(*cores).T)[:, : node.width]


VALUES = {MpoNode: multiplied}
