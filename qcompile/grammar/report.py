"""What is wrong with one text, as far as the phases of the parser have found out."""

from __future__ import annotations

from dataclasses import dataclass, field

from qcompile.diagnostics.message import Message
from qcompile.diagnostics.source import Span
from qcompile.grammar import limits


@dataclass(slots=True)
class ParseReport:
    """Messages in the order of their discovery, no more than anyone would read."""

    messages: list[Message] = field(default_factory=list)
    troubled: list[Span] = field(default_factory=list)
    """Where a fault was mended: what the parser finds odd there is its consequence."""

    def add(self, message: Message) -> None:
        if not self.full:
            self.messages.append(message)

    def add_mended(self, message: Message, *places: Span | None) -> None:
        """Report a fault; `places` are troubled, and so is the message's own."""
        if not self.full:
            self.messages.append(message)
            self.troubled.extend(it for it in (message.span, *places) if it is not None)

    @property
    def full(self) -> bool:
        return len(self.messages) >= limits.SYNTAX_ERRORS

    def is_troubled(self, start: int, end: int) -> bool:
        return any(span.start <= end and start <= span.end for span in self.troubled)
