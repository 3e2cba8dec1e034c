"""Reads source files."""

from __future__ import annotations

import os
from pathlib import Path

from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages import usage
from qcompile.diagnostics.nearest import nearest
from qcompile.diagnostics.reading import NotRegular, read_regular
from qcompile.diagnostics.source import Source
from qcompile.grammar import limits


def read_source(path: str | os.PathLike[str], *, pipes: bool = False) -> Source:
    """Read a UTF-8 file of at most 1 MiB; the source is named as the path is written.

    Args:
        path: The file.
        pipes: Whether it may be a pipe, as shells make of `<(command)`; it is waited for.

    Raises:
        UsageError: there is no such file, or it cannot be read, is too large or is not text.
    """
    name = os.fspath(path)
    try:
        data, size = _read(name, pipes=pipes)
    except FileNotFoundError:
        raise UsageError(usage.FileNotFound(path=name, candidates=_neighbours(name))) from None
    except (OSError, ValueError) as error:
        # A path with a null character is a ValueError.
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(usage.FileNotReadable(path=name, reason=reason)) from None
    if len(data) > limits.TEXT_BYTES:
        raise UsageError(usage.FileTooLarge(path=name, size=size, limit=limits.TEXT_BYTES))
    return source_from_bytes(name, data)


def source_from_bytes(name: str, data: bytes) -> Source:
    """Make a source of bytes, such as those of the standard input.

    Raises:
        UsageError: they are not UTF-8 text, or more than 1 MiB.
    """
    if len(data) > limits.TEXT_BYTES:
        raise UsageError(usage.FileTooLarge(path=name, size=len(data), limit=limits.TEXT_BYTES))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(usage.NotUtf8(path=name, offset=error.start)) from None
    null = data.find(b"\x00")
    if null >= 0:
        raise UsageError(usage.NotUtf8(path=name, offset=null))
    return Source(name, text)


def _read(name: str, *, pipes: bool) -> tuple[bytes, int]:
    try:
        return read_regular(name, limits.TEXT_BYTES + 1)
    except NotRegular:
        if not pipes:
            raise
    with open(name, "rb") as file:
        data = file.read(limits.TEXT_BYTES + 1)
    return data, len(data)


def _neighbours(name: str) -> tuple[str, ...]:
    """Return files of the same folder with a similar name."""
    path = Path(name)
    try:
        names = [it.name for it in path.parent.iterdir() if it.suffix == ".qa"]
    except (OSError, ValueError):
        return ()
    return tuple(str(path.with_name(near)) for near in nearest(path.name, names))
