"""How long each phase takes."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Seconds of each phase."""

    def __init__(self, progress: Callable[[str], None] | None) -> None:
        self._progress = progress
        self._name: str | None = None
        self._since = 0.0
        self._laps: list[tuple[str, float]] = []

    def start(self, name: str) -> None:
        self.stop()
        self.say(name)
        self._name, self._since = name, time.perf_counter()

    def say(self, text: str) -> None:
        if self._progress is not None:
            self._progress(text)

    def stop(self) -> None:
        if self._name is not None:
            self._laps.append((self._name, time.perf_counter() - self._since))
            self._name = None

    @property
    def laps(self) -> tuple[tuple[str, float], ...]:
        return tuple(self._laps)
