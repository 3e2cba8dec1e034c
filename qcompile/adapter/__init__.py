"""Adapters as torch modules: load, attach, detach, merge."""

from __future__ import annotations

from qcompile.adapter.attach import attach, detach
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.load import load
from qcompile.adapter.merge import merge
from qcompile.adapter.prune import prune
from qcompile.adapter.record import attached, disabled
from qcompile.adapter.warm_start import warm_start

__all__ = [
    "CompiledAdapter",
    "attach",
    "attached",
    "detach",
    "disabled",
    "load",
    "merge",
    "prune",
    "warm_start",
]
