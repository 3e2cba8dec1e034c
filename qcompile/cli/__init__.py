"""The command line: arguments → options → driver → text and exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from qcompile.cli.signals import Signals

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; see `qcompile.cli.entry` for the exit codes.

    Args:
        argv: Arguments without the program's name; None takes those of the process, which is
            expected to end afterwards.
    """
    signals = Signals(process=argv is None)
    try:
        with signals:
            # Imported here, so that an interruption of the imports is one like any other.
            from qcompile.cli.entry import run

            code = run(sys.argv[1:] if argv is None else argv, signals)
            signals.raise_received()
            return code
    except KeyboardInterrupt:
        return signals.exit_code()
    except ImportError:
        if signals.received is None:
            raise
        return signals.exit_code()
