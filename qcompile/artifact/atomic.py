"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from qcompile.artifact.staging import Staged
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import OutputFolderMissing, OutputNotWritable

MOST_LINKS = 40
"""Links of links that are followed, as Linux does."""


def write_atomically(path: str | Path, data: bytes) -> None:
    """Write `data` to a temporary file beside `path`, then put it in place in one step.

    A file that was there keeps its permissions. After any failure `path` is as it was before.
    Through a link the file that it points to is replaced, as a plain open would do. Pipes, devices
    and open descriptors such as /dev/stdout are written to directly.

    Raises:
        UsageError: QA0013, QA0014.
    """
    write_together({path: data})


def write_together(files: Mapping[str | Path, bytes]) -> None:
    """As `write_atomically` for several files: all are written, or all are as they were before.

    Every file is complete on the disk before the first is put in place. Only a process that is
    killed, or a machine that loses power, between two renames leaves new files beside old ones.

    Raises:
        UsageError: QA0013, QA0014.
    """
    with contextlib.ExitStack() as cleanup:
        staged = []
        for path, data in files.items():
            with _as_messages(path):
                target = _target(path)
                if isinstance(target, Path):
                    staged.append((path, cleanup.enter_context(Staged.beside(target, data))))
                else:
                    _write_through(target, path, data)
        undo = cleanup.enter_context(contextlib.ExitStack())
        for path, file in staged:
            with _as_messages(path):
                if len(staged) > 1:
                    file.keep_old()
                    undo.callback(file.take_back)
                file.put()
        undo.pop_all()


def write_in_folder(path: str | Path, files: Mapping[str, bytes]) -> None:
    """As `write_together`, for names in a folder, which is made where it is not there.

    Raises:
        UsageError: QA0013, QA0014; a folder that was made is gone again.
    """
    folder = Path(path)
    is_new = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(OutputNotWritable(path=str(path), reason=reason)) from None
    try:
        write_together({folder / name: data for name, data in files.items()})
    except BaseException:
        if is_new:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def check_output(path: str | Path) -> None:
    """Everything about a place to write to that can be known before there is anything to write.

    Raises:
        UsageError: QA0013, QA0014.
    """
    with _as_messages(path):
        target = _target(path)
        if isinstance(target, Path) and not os.access(target.parent, os.W_OK | os.X_OK):
            raise PermissionError(0, "Permission denied")


def descriptor_of(path: str | Path) -> int | None:
    """The number of the open descriptor of this process that a path names, such as /dev/stdout."""
    own = {f"/proc/{name}/fd" for name in ("self", str(os.getpid()))} | {"/dev/fd"}
    name = os.path.abspath(path)
    for _ in range(MOST_LINKS):
        folder, last = os.path.split(name)
        if last.isdecimal() and last.isascii() and {folder, os.path.realpath(folder)} & own:
            return int(last)
        if not os.path.islink(name):
            return None
        name = os.path.normpath(os.path.join(os.path.realpath(folder), os.readlink(name)))
    return None


def _target(path: str | Path) -> Path | int | None:
    """The file to replace; a descriptor, or None for what else is no file, to write through."""
    number = descriptor_of(path)
    if number is not None:
        return number
    try:
        mode: int | None = os.stat(path).st_mode
    except FileNotFoundError:
        # It is new, or a link to a file that is not there yet.
        mode = None
    except NotADirectoryError:
        folder = Path(path).parent
        raise UsageError(OutputFolderMissing(path=str(path), folder=str(folder))) from None
    if mode is not None and stat.S_ISDIR(mode):
        raise IsADirectoryError(0, "it is a folder")
    if mode is not None and not stat.S_ISREG(mode):
        return None
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        folder = target.parent if os.path.islink(path) else Path(path).parent
        raise UsageError(OutputFolderMissing(path=str(path), folder=str(folder)))
    return target


def _write_through(descriptor: int | None, path: str | Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY) if descriptor is None else os.dup(descriptor)
    with open(handle, "wb") as stream:
        stream.write(data)


@contextlib.contextmanager
def _as_messages(path: str | Path) -> Iterator[None]:
    try:
        yield
    except UsageError:
        raise
    except (OSError, ValueError) as error:
        # A path with a null character is a ValueError.
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(OutputNotWritable(path=str(path), reason=reason)) from None
