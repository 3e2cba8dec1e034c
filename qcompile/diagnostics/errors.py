"""The exceptions that carry diagnostics out of the library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Diagnostic
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.internal import NotShown
from qcompile.diagnostics.render_human import render_human


class QCompileError(ValueError):
    """Raised with one or more diagnostics; `str()` is their rendering without colour."""

    exit_code: ClassVar[int] = 1

    def __init__(self, *diagnostics: Diagnostic | Message) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(
            item.diagnostic() if isinstance(item, Message) else item for item in diagnostics
        )
        # Pickle rebuilds an exception from its args.
        super().__init__(*self.diagnostics)

    def __str__(self) -> str:
        return render_human(self.diagnostics).rstrip("\n")


FEW = 5
"""How many messages of the same kind of fault are shown."""


def few(problems: Sequence[Message]) -> tuple[Message, ...]:
    """The first of many problems, and how many there are more."""
    if len(problems) <= FEW:
        return tuple(problems)
    return (*problems[:FEW], NotShown(count=len(problems) - FEW))


class CompileError(QCompileError):
    """The source cannot be compiled as written, or not for this model or target."""


class ArtifactError(QCompileError):
    """A file is not an adapter that this version can read, or it is damaged."""


class AdapterError(QCompileError):
    """An adapter cannot be attached, detached, merged or run as asked."""


class UsageError(QCompileError):
    """The command line or the files it names are not usable."""

    exit_code: ClassVar[int] = 2
