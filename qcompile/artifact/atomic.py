"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import OutputFolderMissing, OutputNotWritable


def write_atomically(path: str | Path, data: bytes) -> None:
    """Write `data` to a temporary file beside `path`, then put it in place in one step.

    A file that was there keeps its permissions. After any failure `path` is as it was before.
    Through a link the file that it points to is replaced, as a plain open would do.

    Raises:
        UsageError: QA0013, QA0014.
    """
    try:
        target = Path(os.path.realpath(path))
        if not target.parent.is_dir():
            folder = str(Path(path).parent)
            raise UsageError(OutputFolderMissing(path=str(path), folder=folder))
        if target.is_dir():
            raise UsageError(OutputNotWritable(path=str(path), reason="it is a folder"))
        if target.exists() and not target.is_file():
            # /dev/stdout and the like cannot be replaced; they have no half-written state either.
            target.write_bytes(data)
        else:
            _replace(target, data)
    except (OSError, ValueError) as error:
        if isinstance(error, UsageError):
            raise
        # A path with a null character is a ValueError.
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(OutputNotWritable(path=str(path), reason=reason)) from None


def _replace(target: Path, data: bytes) -> None:
    temporary = target.parent / f".qcompile-{secrets.token_hex(8)}"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            if target.exists():
                os.fchmod(stream.fileno(), target.stat().st_mode & 0o777)
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
