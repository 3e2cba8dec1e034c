"""Reading what the command line names."""

from __future__ import annotations

import sys

from qcompile.diagnostics.source import Source
from qcompile.grammar.files import read_source, source_from_bytes

STANDARD_INPUT = "<stdin>"


def read(path: str) -> Source:
    """The source at `path`; `-` is the standard input, named `<stdin>`.

    Raises:
        UsageError: QA0001 to QA0004.
    """
    if path != "-":
        return read_source(path)
    return source_from_bytes(STANDARD_INPUT, sys.stdin.buffer.read())
