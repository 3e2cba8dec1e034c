"""Signals that end the process: they clean up, and the exit code names them."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """A signal asked the process to end.

    A class of its own, since Python answers an unhandled KeyboardInterrupt by SIGINT to itself,
    also where it was handled but had passed through `exec`.
    """


class Signals:
    """While it is entered, a signal of `ENDING` ends the process.

    While files are written, and where the process goes on afterwards, it raises `Stopped`, so that
    nothing half-written stays. Elsewhere the process ends at once: an exception would be
    swallowed or become another error in the imports of large libraries and in callbacks.

    What the process was started to ignore, as by `nohup`, it goes on to ignore.

    Args:
        process: Whether the process ends afterwards.
    """

    def __init__(self, *, process: bool) -> None:
        self.received: int | None = None
        self._process = process
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Signals:
        # Elsewhere Python lets nobody set a handler.
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                found = signal.getsignal(number)
                if found in (signal.SIG_DFL, signal.default_int_handler):
                    self._before[number] = found
                    signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_IGN if self._process else handler)

    def raise_received(self) -> None:
        """Raise again what somebody has swallowed.

        Raises:
            Stopped: A signal was received.
        """
        if self.received is not None:
            raise Stopped

    def exit_code(self) -> int:
        """As shells have it: 128 and the number of the signal."""
        return 128 + (self.received or signal.SIGINT)

    def _receive(self, number: int, _: FrameType | None) -> None:
        self.received = self.received or number
        if self._process and not _is_writing():
            os._exit(self.exit_code())
        raise Stopped


def _is_writing() -> bool:
    module = sys.modules.get("qcompile.artifact.staging")
    return bool(getattr(module, "TEMPORARIES", ()))
