"""qcompile: a compiler from adapter descriptions to trainable torch modules."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qcompile.adapter import (
        CompiledAdapter,
        active_adapters,
        attach,
        attached,
        calibrate,
        detach,
        disabled,
        load,
        merge,
        mixed_batch,
        prune,
        set_adapter,
        using,
        warm_start,
    )
    from qcompile.diagnostics import CompileError, QCompileError
    from qcompile.driver.python import compile

__version__ = "0.1.0"

__all__ = [
    "CompileError",
    "CompiledAdapter",
    "QCompileError",
    "__version__",
    "active_adapters",
    "attach",
    "attached",
    "calibrate",
    "compile",
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

_HOMES = {
    "CompileError": "qcompile.diagnostics",
    "CompiledAdapter": "qcompile.adapter",
    "QCompileError": "qcompile.diagnostics",
    "active_adapters": "qcompile.adapter",
    "attach": "qcompile.adapter",
    "attached": "qcompile.adapter",
    "calibrate": "qcompile.adapter",
    "compile": "qcompile.driver.python",
    "detach": "qcompile.adapter",
    "disabled": "qcompile.adapter",
    "load": "qcompile.adapter",
    "merge": "qcompile.adapter",
    "mixed_batch": "qcompile.adapter",
    "prune": "qcompile.adapter",
    "set_adapter": "qcompile.adapter",
    "using": "qcompile.adapter",
    "warm_start": "qcompile.adapter",
}


def __getattr__(name: str) -> object:
    # The command line's quick verbs must not wait for torch.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
