"""Orthogonal start values are spread evenly over all orthogonal matrices."""

from __future__ import annotations

import pytest
import torch

from qcompile.backends.simulator.initialise import initial_value
from qcompile.ir.initialisation import Init
from qcompile.ir.tensor import TensorSpec

DRAWS = 400


@pytest.mark.parametrize("shape", [(2, 2), (2, 3), (3, 2)])
def test_every_entry_has_mean_zero(shape: tuple[int, int]) -> None:
    """A QR factorisation without its signs put right has a first entry that is never positive."""
    spec = TensorSpec(name="w", shape=shape, init=Init(kind="orthogonal", arguments=(1.0,)))
    drawn = torch.stack([initial_value(spec, seed) for seed in range(DRAWS)])
    # Entries are within 1, so that four standard deviations of the mean are below this.
    assert drawn.mean(0).abs().max() < 4 / DRAWS**0.5
