"""Reading what the command line names."""

from __future__ import annotations

import sys

from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import FileNotReadable
from qcompile.diagnostics.source import Source
from qcompile.grammar.files import read_source, source_from_bytes
from qcompile.grammar.limits import TEXT_BYTES

STANDARD_INPUT = "<stdin>"


def read(path: str) -> Source:
    """The source at `path`; `-` is the standard input, named `<stdin>`.

    Raises:
        UsageError: QA0001 to QA0004.
    """
    if path != "-":
        return read_source(path, pipes=True)
    if sys.stdin is None:
        raise UsageError(FileNotReadable(path=STANDARD_INPUT, reason="it is closed"))
    try:
        # One byte more than a source may have, so that an endless input ends.
        data = sys.stdin.buffer.read(TEXT_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(FileNotReadable(path=STANDARD_INPUT, reason=reason)) from None
    return source_from_bytes(STANDARD_INPUT, data)
