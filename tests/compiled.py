"""What several tests look at is compiled once in a process: compilations are immutable values."""

from __future__ import annotations

from functools import lru_cache

from qcompile.diagnostics.source import Source
from qcompile.driver.options import Options
from qcompile.driver.phases import Compilation, compile_source


@lru_cache(maxsize=128)
def compilation(source: Source, options: Options) -> Compilation:
    """As `compile_source`; errors are raised anew each time."""
    return compile_source(source, options)
