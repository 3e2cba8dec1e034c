"""`main`: which command, and what its outcome means for the exit code.

0 success · 1 errors in the source or its compilation · 2 unusable command line or files ·
70 a fault of the compiler · 128 and the number of the signal that ended it: 130 interrupted,
143 terminated.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence

from qcompile.cli.arguments import COMMANDS, Arguments
from qcompile.cli.command_line import parse_arguments
from qcompile.cli.signals import Signals
from qcompile.cli.terminal import Terminal, discard
from qcompile.diagnostics.errors import QCompileError, UsageError
from qcompile.diagnostics.messages.internal import InternalError
from qcompile.diagnostics.messages.usage import SystemRefused

SUCCESS = 0
UNUSABLE = UsageError.exit_code
INTERNAL = 70


def run(given: Sequence[str], signals: Signals) -> int:
    """Run the command line; never raises for anything that a user can do.

    Args:
        given: Arguments without the program's name.
        signals: What the process was told meanwhile.

    Returns:
        The exit code, see the module.

    Raises:
        KeyboardInterrupt: A signal asked the process to end.
    """
    terminal = Terminal.from_environment(given)
    try:
        return _run(given, terminal, signals)
    except BrokenPipeError:
        # The reader of our output went away, as `head` does; that is no error of ours.
        discard(sys.stdout)
        return SUCCESS


def _run(given: Sequence[str], terminal: Terminal, signals: Signals) -> int:
    try:
        arguments = parse_arguments(given)
        terminal = terminal.with_options(arguments)
        return _command(arguments)(arguments, terminal)
    except QCompileError as error:
        terminal.diagnostics(error.diagnostics)
        return error.exit_code
    except BrokenPipeError:
        raise
    except Exception as error:
        # Libraries turn an interruption of their imports into errors of their own.
        signals.raise_received()
        if os.environ.get("QCOMPILE_TRACEBACK"):
            traceback.print_exc()
        if isinstance(error, (OSError, MemoryError)):
            reason = "not enough memory" if isinstance(error, MemoryError) else str(error)
            terminal.diagnostics((SystemRefused(reason=reason).diagnostic(),))
            return UNUSABLE
        terminal.diagnostics((_internal(error).diagnostic(),))
        return INTERNAL


def _command(arguments: Arguments) -> Callable[[Arguments, Terminal], int]:
    from importlib import import_module

    module = import_module(f"qcompile.cli.{COMMANDS[arguments.command]}")
    run: Callable[[Arguments, Terminal], int] = module.run
    return run


def _internal(error: Exception) -> InternalError:
    frames = traceback.extract_tb(error.__traceback__)
    where = ""
    if frames:
        last = frames[-1]
        where = f"{os.path.basename(last.filename)}:{last.lineno}"
    detail = str(error).splitlines()[0][:200] if str(error) else ""
    return InternalError(kind=type(error).__name__, detail=detail, where=where)
