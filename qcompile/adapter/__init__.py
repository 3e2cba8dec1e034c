"""Adapters as torch modules: load, attach, switch, detach, merge."""

from __future__ import annotations

from qcompile.adapter.attach import attach, detach
from qcompile.adapter.calibration import calibrate
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.load import load
from qcompile.adapter.merge import merge
from qcompile.adapter.prune import prune
from qcompile.adapter.record import attached
from qcompile.adapter.selected import (
    active_adapters,
    disabled,
    mixed_batch,
    set_adapter,
    using,
)
from qcompile.adapter.warm_start import warm_start

__all__ = [
    "CompiledAdapter",
    "active_adapters",
    "attach",
    "attached",
    "calibrate",
    "detach",
    "disabled",
    "load",
    "merge",
    "mixed_batch",
    "prune",
    "set_adapter",
    "using",
    "warm_start",
]
