"""What a compilation for Python warns of."""

from __future__ import annotations

import warnings

from qcompile.diagnostics.errors import QCompileWarning
from qcompile.diagnostics.messages.interface import ModulesLeftOut
from qcompile.driver.phases import Compilation


def warn_of_left_out(compilation: Compilation, stacklevel: int = 2) -> None:
    """Warn of linear maps of the model that a pattern reaches and the adapter does not (QA6016).

    Nothing else would tell a program. Advice about the file itself is for the command line.
    """
    found = [warning for warning in compilation.warnings if warning.code == ModulesLeftOut.code]
    if found:
        warnings.warn(QCompileWarning(*found), stacklevel=stacklevel + 1)
