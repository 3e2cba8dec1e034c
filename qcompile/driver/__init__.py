"""Source and options → compiled adapter; the only place that knows all phases together."""

from __future__ import annotations

from qcompile.driver.options import Options, read_definitions
from qcompile.driver.phases import Compilation, Observer, compile_source
from qcompile.driver.python import compile

__all__ = [
    "Compilation",
    "Observer",
    "Options",
    "compile",
    "compile_source",
    "read_definitions",
]
