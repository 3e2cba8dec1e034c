"""The frozen linear modules that oracles take for granted, one for each pair of sizes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def base_weight(in_features: int, out_features: int) -> Array:
    """(out_features, in_features)."""
    generator = np.random.default_rng((in_features, out_features))
    weight = generator.standard_normal((out_features, in_features)) / math.sqrt(in_features)
    return np.asarray(weight)


def base_bias(out_features: int) -> Array:
    """(out_features,), of `base(v)` alone: `base_output` has none."""
    return np.linspace(-0.5, 0.5, out_features)
