"""What every renderer consumes: a message with its texts filled in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from qcompile.diagnostics.source import Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Label:
    """A place in a source and what to say beside it; the text may be empty."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding, ready to be printed."""

    code: str
    severity: Severity
    title: str
    primary: Label | None = None
    secondary: tuple[Label, ...] = ()
    helps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_error(self) -> Diagnostic:
        """The same finding as an error."""
        return replace(self, severity="error")
