"""Reflections as dense matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lab_ops.householder import HouseholderNode

Array = NDArray[np.float64]


def reflected(node: HouseholderNode, value: Array, vectors: Array) -> Array:
    matrix = np.eye(node.width)
    for u in vectors:
        matrix = (np.eye(node.width) - 2.0 * np.outer(u, u) / np.dot(u, u)) @ matrix
    return np.asarray(value @ matrix.T)


VALUES = {HouseholderNode: reflected}
