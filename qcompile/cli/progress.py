"""One line on a terminal that says what is being done, once that takes a while."""

from __future__ import annotations

import sys
import threading
import time

PATIENCE = 1.0
"""Seconds before anything is shown."""


class ProgressLine:
    """Shows the latest text on the standard error after `PATIENCE`, also in the middle of a step.

    Everything else that is written to the terminal calls `clear` before. Does nothing until
    `start`, which the caller leaves out where there is no terminal.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None
        self._since = 0.0
        self._text = ""
        self._shown = 0

    def start(self) -> None:
        """Begin to wait."""
        with self._lock:
            self._since = time.monotonic()
            self._text = ""
            self._timer = threading.Timer(PATIENCE, self._show)
            self._timer.daemon = True
            self._timer.start()

    @property
    def running(self) -> bool:
        """Between `start` and `stop`."""
        return self._timer is not None

    def say(self, text: str) -> None:
        """Say what is done now; shown at once where the wait is over."""
        with self._lock:
            self._text = text
            if self._timer is not None and time.monotonic() - self._since >= PATIENCE:
                self._show()

    def clear(self) -> None:
        """Take the line off the screen; the next text puts it there again."""
        with self._lock:
            if self._shown:
                self._write("\r" + " " * self._shown + "\r")
                self._shown = 0

    def stop(self) -> None:
        """Clear, and show nothing any more."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self.clear()

    def _show(self) -> None:
        with self._lock:
            if self._timer is None or not self._text:
                return
            line = f"qcompile: {self._text} …"
            self._write("\r" + line.ljust(self._shown))
            self._shown = max(self._shown, len(line))

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, UnicodeEncodeError):
            # A terminal that is gone or shows no such signs needs no progress.
            self._text = ""
