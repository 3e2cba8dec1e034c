"""A file of JSON lines that says what was asked for, handed in and answered; it only grows."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.services import LedgerUnusable
from qcompile.services.outcomes import Row

KIND = "qcompile ledger"
VERSION = 1


class Ledger:
    """Results and open jobs of this run and of those before.

    A line is on the disk before the step that it is about goes on. The last line may be torn, by
    a process that was killed while it wrote; it is dropped. One process at a time writes.
    """

    def __init__(self, path: str | Path) -> None:
        """Read what is there.

        Raises:
            UsageError: QA7108.
        """
        self.path = Path(path)
        self._rows: dict[str, Row] = {}
        self._open: dict[str, _Job] = {}
        self._file: BinaryIO | None = None
        try:
            # Open as long as the ledger is.
            self._file = open(self.path, "ab+")  # noqa: SIM115
            _lock(self._file.fileno())
            self._read(self._file)
        except OSError as error:
            self.close()
            raise self._unusable(error.strerror or str(error)) from None
        except BaseException:
            self.close()
            raise

    def row(self, key: str) -> Row | None:
        """The result of a binding."""
        return self._rows.get(key)

    def open_jobs(self) -> tuple[tuple[str, str | None, tuple[str, ...]], ...]:
        """(tag, id or None where none was noted, keys of its bindings) of jobs without an end."""
        return tuple((tag, job.id, job.keys) for tag, job in self._open.items())

    def planned(self, tag: str, service: str, keys: tuple[str, ...], shots: int | None) -> None:
        """A job is about to be handed in."""
        self._open[tag] = _Job(keys)
        self._write(
            {"event": "planned", "tag": tag, "service": service, "shots": shots, "keys": keys}
        )

    def submitted(self, tag: str, job: str) -> None:
        """It was handed in, under this id."""
        self._open[tag].id = job
        self._write({"event": "submitted", "tag": tag, "job": job})

    def answered(self, tag: str, rows: dict[str, Row]) -> None:
        """It has ended, with these rows by their keys."""
        self._rows.update(rows)
        self._open.pop(tag, None)
        shown = {key: [row.codes.tolist(), row.weights.tolist()] for key, row in rows.items()}
        self._write({"event": "answered", "tag": tag, "rows": shown})

    def failed(self, tag: str, reason: str) -> None:
        """It has ended without a result."""
        self._open.pop(tag, None)
        self._write({"event": "failed", "tag": tag, "reason": reason})

    def is_at(self, path: str | Path) -> bool:
        """Whether this is the ledger of that path, and open."""
        return self._file is not None and os.path.realpath(self.path) == os.path.realpath(path)

    def close(self) -> None:
        """Let another process have it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __del__(self) -> None:
        self.close()

    def _read(self, file: BinaryIO) -> None:
        file.seek(0)
        text = file.read()
        whole, _, torn = text.rpartition(b"\n")
        for number, line in enumerate(whole.split(b"\n") if whole else [], 1):
            try:
                self._take(json.loads(line), number)
            except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
                if isinstance(error, UsageError):
                    raise
                raise self._unusable(f"line {number} is none of a ledger") from None
        if torn and (whole or BEGINNING.startswith(torn)):
            file.truncate(len(text) - len(torn))
        elif torn:
            raise self._unusable("line 1 is none of a ledger")
        if not whole:
            self._write({"kind": KIND, "version": VERSION})

    def _take(self, line: dict[str, Any], number: int) -> None:
        if number == 1:
            if line["kind"] != KIND:
                raise ValueError
            if line["version"] != VERSION:
                raise self._unusable(f"it has version {line['version']}, this is {VERSION}")
            return
        match line["event"]:
            case "planned":
                self._open[line["tag"]] = _Job(tuple(line["keys"]))
            case "submitted":
                self._open[line["tag"]].id = str(line["job"])
            case "answered":
                self._rows.update(_rows(line["rows"]))
                self._open.pop(line["tag"], None)
            case "failed":
                self._open.pop(line["tag"], None)
            case _:
                raise ValueError

    def _write(self, line: dict[str, Any]) -> None:
        assert self._file is not None
        self._file.write(_text(line))
        self._file.flush()
        os.fsync(self._file.fileno())

    def _unusable(self, reason: str) -> UsageError:
        return UsageError(LedgerUnusable(path=str(self.path), reason=reason))


def _text(line: dict[str, Any]) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


BEGINNING = _text({"kind": KIND, "version": VERSION})


class _Job:
    def __init__(self, keys: tuple[str, ...]) -> None:
        self.keys = keys
        self.id: str | None = None


def _rows(shown: dict[str, Any]) -> Iterator[tuple[str, Row]]:
    for key, (codes, weights) in shown.items():
        yield (
            key,
            Row(codes=np.array(codes, np.int64), weights=np.array(weights, np.float64)),
        )


def _lock(descriptor: int) -> None:
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(errno.EBUSY, "another process writes to it") from None
