"""The exceptions that carry diagnostics out of the library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Diagnostic
from qcompile.diagnostics.message import Message, ModuleMessage
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
    """The first of many problems, and how many there are more.

    A fault that several modules have is one problem, which names them.
    """
    told = _by_fault(problems)
    if len(told) <= FEW:
        return told
    return (*told[:FEW], NotShown(count=len(told) - FEW))


def _by_fault(problems: Sequence[Message]) -> tuple[Message, ...]:
    first: dict[object, Message] = {}
    others: dict[object, list[str]] = {}
    for problem in problems:
        key: object = problem
        if isinstance(problem, ModuleMessage):
            # What a module's name might have been is no part of its fault.
            skipped = {"module", "others", "candidates"}
            values = {f.name: getattr(problem, f.name) for f in fields(problem)}
            key = type(problem), *(values[name] for name in values if name not in skipped)
            others.setdefault(key, []).append(problem.module)
        first.setdefault(key, problem)
    return tuple(
        replace(problem, others=tuple(dict.fromkeys(others[key][1:])))
        if isinstance(problem, ModuleMessage)
        else problem
        for key, problem in first.items()
    )


class QCompileWarning(UserWarning):
    """Given by the library where something is probably not meant; `str()` is its rendering."""

    def __init__(self, *diagnostics: Diagnostic | Message) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(
            item.diagnostic() if isinstance(item, Message) else item for item in diagnostics
        )
        super().__init__(*self.diagnostics)

    def __str__(self) -> str:
        return render_human(self.diagnostics).rstrip("\n")


class CompileError(QCompileError):
    """The source cannot be compiled as written, or not for this model or target."""


class ArtifactError(QCompileError):
    """A file is not an adapter that this version can read, or it is damaged."""


class AdapterError(QCompileError):
    """An adapter cannot be attached, detached, merged or run as asked."""


class UsageError(QCompileError):
    """The command line, the files it names or an argument of a function are not usable."""

    exit_code: ClassVar[int] = 2
