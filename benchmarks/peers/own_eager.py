"""qcompile's public module as it is without the compiled library."""

from __future__ import annotations

import own_fused
from torch import Tensor, nn
from works import Work

from qcompile.executors.fused import library


def build(work: Work, angles: Tensor) -> tuple[nn.Module, Tensor]:
    library.library = lambda: None
    return own_fused.build(work, angles)
