"""The records of a file of torch.save, read without torch and without trust."""

from __future__ import annotations

import io
import re
import zipfile

from qcompile.diagnostics.errors import ArtifactError
from qcompile.diagnostics.messages.artifact import NotAnArchive

INDEX = "data.pkl"
"""The record that torch.save pickles; the others are tensors and remarks on the format."""

LARGEST_INDEX = 64 * 2**20
"""Bytes of the index, which holds names and the manifest."""

_RECORD = re.compile(
    r"data\.pkl|data/\d+|byteorder|version|\.format_version|\.storage_alignment"
    r"|\.data/serialization_id"
)


def read_records(path: str, data: bytes) -> dict[str, bytes]:
    """Every record of the zip archive `data` by its name without the archive's own folder.

    Nothing is decompressed, so that no record is larger than the file.

    Raises:
        ArtifactError: QA5003.
    """
    if not data:
        raise ArtifactError(NotAnArchive(path=path, reason="it is empty"))
    try:
        return _records(path, data)
    except ArtifactError:
        raise
    except Exception as error:
        # zipfile raises BadZipFile, but also struct, value, key… errors for crafted files.
        reason = "it is no zip archive, or a cut off or damaged one"
        if not isinstance(error, zipfile.BadZipFile):
            reason = f"{reason} ({type(error).__name__})"
        raise ArtifactError(NotAnArchive(path=path, reason=reason)) from None


def _records(path: str, data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ArtifactError(NotAnArchive(path=path, reason="its records are compressed"))
        if sum(entry.file_size for entry in entries) > len(data):
            raise ArtifactError(NotAnArchive(path=path, reason="its records overlap"))
        folders = {entry.filename.partition("/")[0] for entry in entries}
        names = [entry.filename.partition("/")[2] for entry in entries]
        if len(folders) != 1 or INDEX not in names:
            raise ArtifactError(NotAnArchive(path=path, reason="torch.save did not write it"))
        for name in names:
            if not _RECORD.fullmatch(name):
                reason = f"no adapter has a record `{name}`"
                raise ArtifactError(NotAnArchive(path=path, reason=reason))
        if len(set(names)) != len(names):
            raise ArtifactError(NotAnArchive(path=path, reason="two records have one name"))
        if archive.getinfo(entries[names.index(INDEX)].filename).file_size > LARGEST_INDEX:
            raise ArtifactError(NotAnArchive(path=path, reason="its index is too large"))
        # Reading compares each record with its checksum.
        records = {name: archive.read(entry) for name, entry in zip(names, entries, strict=True)}
    if records.get("byteorder", b"little") != b"little":
        raise ArtifactError(NotAnArchive(path=path, reason="its numbers are big-endian"))
    return records
