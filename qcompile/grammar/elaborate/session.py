"""What one elaboration shares: the collector, limits, and the calls being written out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import islice

from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.diagnostic import Diagnostic, Label
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.circuits import EncodingTooWide, EncodingWithoutEffect
from qcompile.diagnostics.messages.tensors import AxesTooSmall, BlocksDoNotFit
from qcompile.diagnostics.messages.types import NotAnInteger, NoValue, OutOfRange, ReversedRange
from qcompile.diagnostics.messages.values import (
    EmptySlice,
    IndexOutOfRange,
    ModesTooSmall,
    TooMuch,
    WidthsDiffer,
    WrongLength,
)
from qcompile.diagnostics.messages.wires import BadPauli, WireOutOfRange, WireRepeated
from qcompile.diagnostics.nearest import nearest
from qcompile.diagnostics.source import Source, Span
from qcompile.grammar.vocabulary import ELSEWHERE

MAX_DEPTH = 120
"""Nested expressions, loops and calls; each takes up to six frames of Python's thousand."""

MAX_WORK = 50_000
"""Nodes, statements and calls written out in one elaboration."""

_OF_VALUES = (
    BadPauli,
    EncodingTooWide,
    EncodingWithoutEffect,
    ReversedRange,
    WireOutOfRange,
    WireRepeated,
    NoValue,
    NotAnInteger,
    OutOfRange,
    AxesTooSmall,
    BlocksDoNotFit,
    EmptySlice,
    IndexOutOfRange,
    ModesTooSmall,
    WidthsDiffer,
    WrongLength,
)
"""What is no error in a branch that is not taken."""

_SUGGESTIONS = 25
_CANDIDATES = 300


@dataclass(slots=True, kw_only=True)
class Session:
    """One elaboration."""

    collector: Collector
    read: Callable[[str], Source]
    calls: list[Span] = field(default_factory=list)
    errors: int = 0
    depth: int = 0
    work: int = 0
    silent: bool = False
    """Inside a branch that is not taken: types are checked, values are not."""
    _suggested: int = 0

    def report(self, message: Message) -> None:
        """Add a message, and where it is found in a block or layer, the call that led there."""
        if self.silent and isinstance(message, _OF_VALUES):
            return
        if message.severity == "error":
            self.errors += 1
        self.collector.add(
            _InCall(inner=message, calls=tuple(self.calls[-3:])) if self.calls else message
        )

    def nearest(self, name: str, candidates: Iterable[str]) -> tuple[str, ...]:
        """Return our word for one of other tools, or the nearest names.

        A budget keeps a flood of errors quick.
        """
        self._suggested += 1
        if self._suggested > _SUGGESTIONS:
            return ()
        known = tuple(islice(candidates, _CANDIDATES))
        ours = [word for word in ELSEWHERE.get(name.lower(), "").split() if word in known]
        return tuple(ours) or nearest(name, known)

    def spend(self, span: Span, amount: int = 1) -> bool:
        """Count work; False once the limit is passed, which is reported once."""
        before = self.work
        self.work += amount
        if self.work <= MAX_WORK:
            return True
        if before <= MAX_WORK:
            self.report(TooMuch(span=span, limit=MAX_WORK, what="statements, calls and nodes"))
        return False

    def exhaust(self) -> None:
        """Stop the elaboration, after a limit that has been reported."""
        self.work = MAX_WORK + 1

    @property
    def exhausted(self) -> bool:
        return self.work > MAX_WORK


class _InCall(Message):
    """A message found while a call was written out."""

    inner: Message
    calls: tuple[Span, ...]

    def diagnostic(self) -> Diagnostic:
        diagnostic = self.inner.diagnostic()
        calls = tuple(Label(span, "in this use") for span in reversed(self.calls))
        return replace(diagnostic, secondary=(*diagnostic.secondary, *calls))
