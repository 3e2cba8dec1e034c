"""Softmax and normalisation, from the formulas."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.ir.ops.normalisations import SoftmaxNode, StandardiseNode
from qcompile.testing.growing import Growing

Array = NDArray[np.float64]


def powers_over_sum(node: SoftmaxNode, value: Array) -> Array:
    largest = value.max(axis=1, keepdims=True)
    powers = np.exp(value - largest)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def standardised(node: StandardiseNode, value: Array) -> Array:
    if node.centred:
        value = value - value.mean(axis=1, keepdims=True)
    variance = (value * value).mean(axis=1, keepdims=True)
    return np.asarray(value / np.sqrt(variance + node.eps))


def random_normalisation(
    program: Growing, operand: int, width: int
) -> SoftmaxNode | StandardiseNode:
    if program.draw(st.booleans()):
        return SoftmaxNode(operand=operand, width=width)
    # A small eps would enlarge rounding errors of values that should be equal.
    centred, eps = program.draw(st.booleans()), program.draw(st.sampled_from((0.1, 1.0)))
    return StandardiseNode(operand=operand, centred=centred, eps=eps, width=width)


LINEAR = False
VALUES = {SoftmaxNode: powers_over_sum, StandardiseNode: standardised}
RANDOM_NODE = random_normalisation
