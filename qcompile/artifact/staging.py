"""A new version of a file beside it, until it takes its place.

Its name is `.qcompile-` and sixteen hexadecimal digits, and it is locked as long as its process
lives. What is not locked was left by a process that was killed; the next writer to the folder
removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

PREFIX = ".qcompile-"

TEMPORARIES: set[Path] = set()
"""Those of this process that are to be removed; a handler of signals asks."""

_OWN = re.compile(r"\.qcompile-[0-9a-f]{16}")


@dataclass(slots=True)
class Staged:
    """A complete file under a temporary name."""

    target: Path
    _temporary: Path
    _cleanup: contextlib.ExitStack
    _old: Path | None = field(default=None, init=False)

    @classmethod
    @contextlib.contextmanager
    def beside(cls, target: Path, data: bytes) -> Iterator[Staged]:
        """Write `data` to the disk; temporary names are gone at the end.

        Raises:
            OSError: The system refuses to write; nothing is left behind.
        """
        remove_stale(target.parent)
        with contextlib.ExitStack() as cleanup:
            temporary, stream = _create(target.parent, cleanup)
            stream.write(data)
            stream.flush()
            if target.exists():
                os.fchmod(stream.fileno(), target.stat().st_mode & 0o777)
            os.fsync(stream.fileno())
            # The file stays open, and so locked, until it has its own name.
            yield cls(target, temporary, cleanup)

    def keep_old(self) -> None:
        """Give the file that is there a second name, for `take_back`."""
        if not self.target.exists():
            return
        name = _name(self.target.parent)
        TEMPORARIES.add(name)
        self._cleanup.callback(_unlink, name)
        try:
            os.link(self.target, name)
        except OSError:
            # A file system without links.
            shutil.copy2(self.target, name)
        with contextlib.suppress(OSError):
            self._cleanup.enter_context(_locked(name))
        self._old = name

    def put(self) -> None:
        """Put the file in place."""
        os.replace(self._temporary, self.target)

    def take_back(self) -> None:
        """After `keep_old`: what was there before, also where `put` was not reached."""
        if self._old is not None:
            os.replace(self._old, self.target)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.target)


def remove_stale(folder: Path) -> None:
    """Remove the temporary files of processes that are no more."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for name in [entry.path for entry in entries if _OWN.fullmatch(entry.name)]:
            # Raises where its writer holds the lock.
            with contextlib.suppress(OSError), _locked(name, fcntl.LOCK_EX | fcntl.LOCK_NB):
                os.unlink(name)


@contextlib.contextmanager
def _locked(name: str | Path, how: int = fcntl.LOCK_SH) -> Iterator[None]:
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        # The lock goes with the descriptor.
        os.close(handle)


def _create(folder: Path, cleanup: contextlib.ExitStack) -> tuple[Path, BinaryIO]:
    while True:
        name = _name(folder)
        TEMPORARIES.add(name)
        cleanup.callback(_unlink, name)
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        stream = cleanup.enter_context(os.fdopen(handle, "wb"))
        # Some file systems know no locks; there nobody can take it for stale either.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        # Another process may have removed it before it was locked.
        if os.fstat(handle).st_nlink:
            return name, stream


def _name(folder: Path) -> Path:
    return folder / f"{PREFIX}{secrets.token_hex(8)}"


def _unlink(name: Path) -> None:
    with contextlib.suppress(OSError):
        os.unlink(name)
    TEMPORARIES.discard(name)
