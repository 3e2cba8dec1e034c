"""What a compilation for Python warns of."""

from __future__ import annotations

import warnings

from qcompile.diagnostics.errors import QCompileWarning
from qcompile.diagnostics.messages.devices import OldCalibration
from qcompile.diagnostics.messages.interface import ModulesLeftOut
from qcompile.diagnostics.messages.planning import IdleTensor, UnusedTensor
from qcompile.diagnostics.messages.values import NothingTrainable
from qcompile.driver.phases import Compilation

CODES = frozenset(
    message.code
    for message in (ModulesLeftOut, IdleTensor, UnusedTensor, NothingTrainable, OldCalibration)
)
"""Warnings of what has no effect, and of what has aged; advice about the file itself is for the
command line."""


def warn_of_effect(compilation: Compilation, stacklevel: int = 2) -> None:
    """Warn of modules, tensors and adapters on which training has no effect, and of old data of
    devices: see `CODES`.

    Nothing else would tell a program.
    """
    found = [warning for warning in compilation.warnings if warning.code in CODES]
    if found:
        warnings.warn(QCompileWarning(*found), stacklevel=stacklevel + 1)
