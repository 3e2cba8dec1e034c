"""Elementwise functions, written out."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from qcompile.ir.ops.elementwise import ActivationNode

Array = NDArray[np.float64]

ELEMENTWISE: dict[str, Callable[[Array], Array]] = {
    "relu": lambda a: np.where(a > 0, a, 0.0),
    "gelu": lambda a: a * 0.5 * (1.0 + np.vectorize(math.erf, otypes=[float])(a / math.sqrt(2.0))),
    "silu": lambda a: a / (1.0 + np.exp(-a)),
    "tanh": np.tanh,
    "sigmoid": lambda a: 1.0 / (1.0 + np.exp(-a)),
    "sin": np.sin,
    "cos": np.cos,
    "exp": np.exp,
    "softplus": lambda a: np.logaddexp(a, 0.0),
    "abs": np.abs,
    "square": lambda a: a * a,
    "leaky_relu": lambda a: np.where(a > 0, a, 0.01 * a),
    "sqrt": np.sqrt,
    "log": np.log,
    "reciprocal": lambda a: 1.0 / a,
    "detach": lambda a: a,
    "step": lambda a: np.where(a > 0, 1.0, 0.0),
}


def activated(node: ActivationNode, value: Array) -> Array:
    # Outside of its domain a function gives NaN or an infinity, as in torch.
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(ELEMENTWISE[node.kind](value))


VALUES = {ActivationNode: activated}
