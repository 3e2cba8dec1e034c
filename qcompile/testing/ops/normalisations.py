"""Softmax and normalisation, from the formulas."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.ir.ops.normalisations import SoftmaxNode, StandardiseNode
from qcompile.testing.growing import Growing, divisors

Array = NDArray[np.float64]


def powers_over_sum(node: SoftmaxNode, value: Array) -> Array:
    found = []
    for part in np.split(value, node.groups, axis=1):
        powers = np.exp(part - part.max(axis=1, keepdims=True))
        found.append(powers / powers.sum(axis=1, keepdims=True))
    return np.concatenate(found, axis=1)


def standardised(node: StandardiseNode, value: Array) -> Array:
    found = []
    for part in np.split(value, node.groups, axis=1):
        if node.centred:
            part = part - part.mean(axis=1, keepdims=True)
        variance = (part * part).mean(axis=1, keepdims=True)
        found.append(part / np.sqrt(variance + node.eps))
    return np.concatenate(found, axis=1)


def random_normalisation(
    program: Growing, operand: int, width: int
) -> SoftmaxNode | StandardiseNode:
    groups = program.draw(st.sampled_from([1, *divisors(width)]))
    if program.draw(st.booleans()):
        return SoftmaxNode(operand=operand, width=width, groups=groups)
    # A small eps would enlarge rounding errors of values that should be equal.
    centred, eps = program.draw(st.booleans()), program.draw(st.sampled_from((0.1, 1.0)))
    return StandardiseNode(operand=operand, centred=centred, eps=eps, width=width, groups=groups)


LINEAR = False
VALUES = {SoftmaxNode: powers_over_sum, StandardiseNode: standardised}
RANDOM_NODE = random_normalisation
