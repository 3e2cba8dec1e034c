"""Which files a command writes, and that none of them is one that it reads."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from qcompile.artifact.formats import names_folder
from qcompile.artifact.peft_folder import CONFIG, WEIGHTS
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import OutputIsInput


def files_of(path: str) -> tuple[Path, ...]:
    """The files that a path of an adapter stands for: itself, or those in a folder for peft."""
    if names_folder(path) or os.path.isdir(path):
        return (Path(path) / CONFIG, Path(path) / WEIGHTS)
    return (Path(path),)


def refuse_inputs(path: str, outputs: Iterable[str | Path], inputs: Iterable[Path]) -> None:
    """Whether one of the outputs is an input, also by another name or a link.

    Raises:
        UsageError: QA0015; `path` is what was asked for.
    """
    written = {identity for output in outputs if (identity := _identity(output)) is not None}
    if not written:
        return
    for name in inputs:
        if _identity(name) in written:
            raise UsageError(OutputIsInput(path=path, read=str(name)))


def _identity(path: str | Path) -> tuple[int, int] | None:
    """What tells a file from all others; None where nothing could be overwritten."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None
