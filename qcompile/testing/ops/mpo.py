"""Matrix product operators as dense matrices."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.ir.ops.mpo import MpoNode
from qcompile.testing.growing import Growing, modes_of

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


def random_mpo(program: Growing, operand: int, width: int) -> MpoNode:
    draw = program.draw
    to, sites = draw(st.integers(1, program.max_width)), draw(st.integers(2, 3))
    inp, out = draw(modes_of(width, sites)), draw(modes_of(to, sites))
    bonds = tuple(draw(st.integers(1, 2)) for _ in range(sites - 1))
    chain = (1, *bonds, 1)
    cores = tuple(program.tensor((chain[k], out[k], inp[k], chain[k + 1])) for k in range(sites))
    return MpoNode(operand=operand, cores=cores, in_modes=inp, out_modes=out, bonds=bonds, width=to)


VALUES = {MpoNode: multiplied}
RANDOM_NODE = random_mpo
