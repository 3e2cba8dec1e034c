"""Reading files of unknown origin: bounded, and never from what may have no end."""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO


class NotRegular(OSError):
    """Neither a file nor a folder: a pipe may never be filled, a device may have no end."""

    def __init__(self) -> None:
        super().__init__(errno.EINVAL, "it is no regular file")


def read_regular(path: str | os.PathLike[str], limit: int | None = None) -> tuple[bytes, int]:
    """The contents of a regular file and its size; no more than `limit` bytes are read.

    Raises:
        As `open_regular`.
    """
    with open_regular(path) as file:
        data = file.read(-1 if limit is None else limit)
        return data, max(os.fstat(file.fileno()).st_size, len(data))


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """A regular file, open for reading.

    Raises:
        NotRegular: It is a pipe, a socket or a device; nothing was waited for.
        OSError: As the system says.
        ValueError: The path has a null character.
    """
    # Without O_NONBLOCK the system waits for somebody who opens a pipe's other end.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise NotRegular
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise
