"""Reading adapter.pt: format, version, digests, plan and tensors are checked before use."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qcompile.artifact.archive import INDEX, Records
from qcompile.artifact.check import checked_manifest
from qcompile.artifact.digest import state_digest
from qcompile.artifact.index import StoredTensor, read_index
from qcompile.artifact.layout import stored
from qcompile.artifact.manifest import FORMAT, VERSION, Manifest
from qcompile.diagnostics.errors import ArtifactError, few
from qcompile.diagnostics.messages.artifact import (
    ArtifactNotFound,
    ArtifactNotReadable,
    DigestMismatch,
    ForeignArchive,
    FutureVersion,
    ManifestMalformed,
    NotAnArchive,
    TensorMismatch,
)
from qcompile.diagnostics.nearest import nearest
from qcompile.diagnostics.reading import open_regular, read_regular

if TYPE_CHECKING:
    import torch

_DTYPES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
}
"""Element types of trainable tensors, as torch's archives and torch itself name them."""

_ITEM_BYTES = {"FloatStorage": 4, "DoubleStorage": 8, "HalfStorage": 2, "BFloat16Storage": 2}


def read_artifact(path: str | Path) -> tuple[Manifest, dict[str, torch.Tensor]]:
    """The manifest and the tensors of adapter.pt; nothing in the file is executed.

    Raises:
        ArtifactError: QA5001 to QA5010.
    """
    name = str(path)
    with _as_messages(name), open_regular(name) as file:
        if not file.read(1):
            raise ArtifactError(NotAnArchive(path=name, reason="it is empty"))
        records = Records(name, file)
        contents = read_index(name, records.read(INDEX), len(records))
        if not isinstance(contents, dict):
            raise ArtifactError(ForeignArchive(path=name, found=f"a {type(contents).__name__}"))
        _check_format(name, contents)
        manifest = _manifest(name, contents)
        state = _state(name, contents, manifest, records)
    return manifest, state


def read_bytes(path: str, limit: int | None = None) -> bytes:
    """The contents of a file, no more than `limit` bytes of it.

    Raises:
        ArtifactError: QA5001, QA5002.
    """
    with _as_messages(path):
        return read_regular(path, limit)[0]


@contextlib.contextmanager
def _as_messages(path: str) -> Iterator[None]:
    try:
        yield
    except ArtifactError:
        raise
    except (FileNotFoundError, ValueError):
        file = Path(path)
        try:
            near = nearest(file.name, tuple(sorted(entry.name for entry in file.parent.iterdir())))
        except (OSError, ValueError):
            near = ()
        raise ArtifactError(ArtifactNotFound(path=path, candidates=near)) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise ArtifactError(ArtifactNotReadable(path=path, reason=reason)) from None


def _check_format(path: str, contents: dict[Any, Any]) -> None:
    if contents.get("format") != FORMAT:
        keys = [str(key)[:40] for key in contents][:3]
        found = f"the keys {', '.join(keys)}, …" if keys else "an empty dictionary"
        raise ArtifactError(ForeignArchive(path=path, found=found))
    version = contents.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ArtifactError(ManifestMalformed(path=path, reason="its version is not a number"))
    if version > VERSION:
        raise ArtifactError(FutureVersion(path=path, version=version, supported=VERSION))
    wanted = {"format", "version", "manifest", "manifest_sha256", "state_sha256", "state"}
    if set(contents) != wanted:
        reason = f"its entries are not {', '.join(sorted(wanted))}"
        raise ArtifactError(ManifestMalformed(path=path, reason=reason))


def _manifest(path: str, contents: dict[Any, Any]) -> Manifest:
    text = contents["manifest"]
    if not isinstance(text, str):
        raise ArtifactError(ManifestMalformed(path=path, reason="it is not text"))
    if hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() != contents["manifest_sha256"]:
        raise ArtifactError(DigestMismatch(path=path, part="manifest"))
    return checked_manifest(path, text)


def _state(
    path: str, contents: dict[Any, Any], manifest: Manifest, records: Records
) -> dict[str, torch.Tensor]:
    given = contents["state"]
    if not isinstance(given, dict):
        raise ArtifactError(ManifestMalformed(path=path, reason="its state is not a dictionary"))
    shapes = stored(manifest.planned, given)
    problems = [
        TensorMismatch(path=path, tensor=name, problem="is missing")
        for name in shapes
        if name not in given
    ]
    for name, tensor in given.items():
        problem = _problem(tensor, shapes.get(name), records)
        if problem is not None:
            problems.append(TensorMismatch(path=path, tensor=str(name), problem=problem))
    if problems:
        raise ArtifactError(*few(problems))
    state = {name: _tensor(given[name], records) for name in shapes}
    if state_digest(state) != contents["state_sha256"]:
        raise ArtifactError(DigestMismatch(path=path, part="state"))
    return state


def _problem(tensor: object, shape: tuple[int, ...] | None, records: Records) -> str | None:
    """Why a stored tensor is not the one of that shape; None where it is."""
    if shape is None:
        return "is not part of the plan"
    if not isinstance(tensor, StoredTensor):
        return "is not a tensor"
    if tensor.storage not in _DTYPES:
        return f"is a {tensor.storage}, not of real floating-point numbers"
    if tensor.shape != shape:
        return f"has the shape {tensor.shape}, not {shape}"
    strides = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    if tensor.stride != strides or tensor.offset != 0:
        return "is a view of other data"
    size = math.prod(shape) * _ITEM_BYTES[tensor.storage]
    if records.size(tensor.record) != size:
        return f"does not have {size} bytes"
    return None


def _tensor(stored: StoredTensor, records: Records) -> torch.Tensor:
    import torch

    dtype = getattr(torch, _DTYPES[stored.storage])
    flat = torch.frombuffer(bytearray(records.read(stored.record)), dtype=dtype)
    return flat.reshape(stored.shape).clone()
