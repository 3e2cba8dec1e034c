"""The records of a file of torch.save, read without torch and without trust."""

from __future__ import annotations

import contextlib
import os
import re
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from qcompile.diagnostics.errors import ArtifactError
from qcompile.diagnostics.messages.artifact import NotAnArchive

INDEX = "data.pkl"
"""The record that torch.save pickles; the others are tensors and remarks on the format."""

LARGEST_REMARK = 64
"""Bytes of a record that is neither the index nor a tensor."""

LARGEST_INDEX = 64 * 2**20
"""Bytes of the index, which holds names and the manifest."""

_RECORD = re.compile(
    r"data\.pkl|data/\d+|byteorder|version|\.format_version|\.storage_alignment"
    r"|\.data/serialization_id"
)


class Records:
    """The records of an archive by their names without the archive's own folder; read on demand.

    Nothing is decompressed, so that no record is larger than the file.

    Raises:
        ArtifactError: QA5003.
    """

    def __init__(self, path: str, file: BinaryIO) -> None:
        self._path = path
        with _as_message(path):
            self._archive = zipfile.ZipFile(file)
            self._entries = _entries(path, self._archive, file.seek(0, os.SEEK_END))
        if self.size("byteorder") > LARGEST_REMARK:
            raise ArtifactError(NotAnArchive(path=path, reason="its byte order is no word"))
        if self.size("byteorder") and self.read("byteorder") != b"little":
            raise ArtifactError(NotAnArchive(path=path, reason="its numbers are big-endian"))

    def __len__(self) -> int:
        return len(self._entries)

    def size(self, name: str) -> int:
        """Bytes of a record; none where there is no such record."""
        entry = self._entries.get(name)
        return 0 if entry is None else entry.file_size

    def read(self, name: str) -> bytes:
        """A record, compared with its checksum.

        Raises:
            ArtifactError: QA5003.
        """
        with _as_message(self._path):
            return self._archive.read(self._entries[name])


@contextlib.contextmanager
def _as_message(path: str) -> Iterator[None]:
    try:
        yield
    except ArtifactError:
        raise
    except Exception as error:
        # zipfile raises BadZipFile, but also struct, value, key… errors for crafted files.
        reason = "it is no zip archive, or a cut off or damaged one"
        if not isinstance(error, zipfile.BadZipFile):
            reason = f"{reason} ({type(error).__name__})"
        raise ArtifactError(NotAnArchive(path=path, reason=reason)) from None


def _entries(path: str, archive: zipfile.ZipFile, length: int) -> dict[str, zipfile.ZipInfo]:
    entries = archive.infolist()
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ArtifactError(NotAnArchive(path=path, reason="its records are compressed"))
    if sum(entry.file_size for entry in entries) > length:
        raise ArtifactError(NotAnArchive(path=path, reason="its records overlap"))
    folders = {entry.filename.partition("/")[0] for entry in entries}
    names = [entry.filename.partition("/")[2] for entry in entries]
    if len(folders) != 1 or INDEX not in names:
        raise ArtifactError(NotAnArchive(path=path, reason="torch.save did not write it"))
    for name in names:
        if not _RECORD.fullmatch(name):
            reason = f"no adapter has a record `{name}`"
            raise ArtifactError(NotAnArchive(path=path, reason=reason))
    found = dict(zip(names, entries, strict=True))
    if len(found) != len(names):
        raise ArtifactError(NotAnArchive(path=path, reason="two records have one name"))
    if found[INDEX].file_size > LARGEST_INDEX:
        raise ArtifactError(NotAnArchive(path=path, reason="its index is too large"))
    return found
