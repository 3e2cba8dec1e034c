"""The compiled library: found, chosen for the processor, and loaded once.

`setup.py` makes it of `kernel/kernel.cpp`, several times for several instruction sets; an
installation that had no compiler has none.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "kernel"
"""No package: nothing takes a library for a module of Python."""
INSTRUCTIONS = ("avx512", "avx2", "base")
"""The best first."""


def libraries() -> dict[str, Path]:
    """Instruction set → file, of those that were built."""
    suffix = ".dll" if sys.platform == "win32" else ".so"
    paths = {name: FOLDER / f"{name}{suffix}" for name in INSTRUCTIONS}
    return {name: path for name, path in paths.items() if path.is_file()}


def description() -> str:
    """For `qcompile --version -v`, without loading anything."""
    names = ", ".join(libraries())
    if not names:
        return "fused kernel not built, circuits run in torch"
    return f"fused kernel built for {names}"


@cache
def library() -> ctypes.CDLL | None:
    """The best one that this processor can run; None where there is none."""
    import torch

    runs = {"AVX512": 0, "AVX2": 1}.get(torch.backends.cpu.get_cpu_capability(), 2)
    found = libraries()
    for name in INSTRUCTIONS[runs:]:
        if name in found:
            try:
                loaded = ctypes.CDLL(str(found[name]))
            except OSError:
                continue
            _declare(loaded)
            return loaded
    return None


def _declare(loaded: ctypes.CDLL) -> None:
    pointer, integer = ctypes.c_void_p, ctypes.c_int64
    for dtype in ("float32", "float64"):
        batch = [pointer, integer, pointer, integer, integer, pointer, integer]
        values = getattr(loaded, f"fused_values_{dtype}")
        values.argtypes = [*batch, pointer, integer, ctypes.c_int]
        values.restype = ctypes.c_int
        gradients = getattr(loaded, f"fused_gradients_{dtype}")
        gradients.argtypes = [*batch, pointer, integer, pointer, pointer, ctypes.c_int]
        gradients.restype = ctypes.c_int
