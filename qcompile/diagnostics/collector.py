"""Gathers the messages of a phase, so that all of them are shown at once."""

from __future__ import annotations

from qcompile.diagnostics.diagnostic import Diagnostic, Severity
from qcompile.diagnostics.errors import CompileError, QCompileError
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.internal import NotShown

LIMIT = 100
"""Diagnostics of each severity that a collector keeps."""


class Collector:
    """Keeps messages in the order of their places; repeats are dropped, floods are cut."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._kept: dict[Diagnostic, None] = {}
        self._count: dict[Severity, int] = {"error": 0, "warning": 0}

    def add(self, message: Message) -> None:
        """Keep a message, unless the same one stands at the same place already."""
        diagnostic = message.diagnostic()
        if diagnostic in self._kept:
            return
        self._count[diagnostic.severity] += 1
        if self._count[diagnostic.severity] <= self._limit:
            self._kept[diagnostic] = None

    @property
    def has_errors(self) -> bool:
        return self._count["error"] > 0

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All that was kept, in the order of the text; one more says how much was cut."""
        sources: dict[str, int] = {}
        for diagnostic in self._kept:
            if diagnostic.primary is not None:
                sources.setdefault(diagnostic.primary.span.source.name, len(sources))

        def place(diagnostic: Diagnostic) -> tuple[int, int]:
            if diagnostic.primary is None:
                return len(sources), 0
            span = diagnostic.primary.span
            return sources[span.source.name], span.start

        kept = sorted(self._kept, key=place)
        cut = sum(max(0, count - self._limit) for count in self._count.values())
        if cut:
            kept.append(NotShown(count=cut).diagnostic())
        return tuple(kept)

    def raise_if_errors(self, error: type[QCompileError] = CompileError) -> None:
        """Raise everything collected as one exception if an error is among it."""
        if self.has_errors:
            raise error(*self.diagnostics)
