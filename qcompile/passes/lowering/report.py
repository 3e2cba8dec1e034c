"""How lowering reports: each fault once, with the sizes for which it was first seen."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.sized import SizedMessage


class Refused(Exception):
    """What is being lowered has no result; the reason was reported, or stems from another one."""


class LoweringReport:
    """Passes messages on to the collector; a fault that returns at other sizes is dropped."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._seen: set[tuple[str, str, int, int]] = set()
        self.sizes = ""
        """Of what is being lowered now, as a note."""

    def add(self, message: Message) -> None:
        """Report, unless the same kind of fault was reported at this place already."""
        if message.span is not None:
            place = message.span
            key = (message.code, place.source.name, place.start, place.end)
            if key in self._seen:
                return
            self._seen.add(key)
        if isinstance(message, SizedMessage):
            message = replace(message, sizes=self.sizes)
        self._collector.add(message)

    def refuse(self, message: Message) -> NoReturn:
        """Report and raise `Refused`."""
        self.add(message)
        raise Refused
