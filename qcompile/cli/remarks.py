"""Warnings of the Python interface on the command line."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from qcompile.cli.terminal import Terminal
from qcompile.diagnostics.errors import QCompileWarning


@contextmanager
def shown_warnings(terminal: Terminal) -> Iterator[None]:
    """Print our warnings as diagnostics; those of others go their usual way afterwards."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", QCompileWarning)
        yield
    for warning in caught:
        if isinstance(warning.message, QCompileWarning):
            terminal.diagnostics(warning.message.diagnostics)
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
