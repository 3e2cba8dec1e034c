"""adapter.safetensors: the manifest in the header, the tensors behind it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qcompile.artifact.atomic import write_atomically
from qcompile.artifact.check import bounded_json, checked_manifest
from qcompile.artifact.digest import state_digest
from qcompile.artifact.layout import stored
from qcompile.artifact.manifest import FORMAT, VERSION, Manifest
from qcompile.artifact.read import read_bytes
from qcompile.artifact.record import record_of
from qcompile.diagnostics.errors import ArtifactError, few
from qcompile.diagnostics.messages.artifact import (
    DigestMismatch,
    ForeignArchive,
    FutureVersion,
    ManifestMalformed,
    NotAnArchive,
    TensorMismatch,
)

if TYPE_CHECKING:
    import torch

KEY = "qcompile"
"""The one entry of the header's metadata; several would be written in a random order."""

LARGEST_HEADER = 64 * 2**20
"""Bytes of a header, which holds names and the manifest."""

_ENTRIES = {"format", "version", "manifest", "manifest_sha256", "state_sha256"}


def safetensors_bytes(manifest: Manifest, state: Mapping[str, torch.Tensor]) -> bytes:
    """The contents of adapter.safetensors; the same adapter gives the same bytes.

    `state` as for `record_of`.
    """
    from safetensors.torch import save

    record, tensors = record_of(manifest, state)
    data: bytes = save(tensors, metadata={KEY: json.dumps(record, sort_keys=True)})
    return data


def write_safetensors(
    path: str | Path, manifest: Manifest, state: Mapping[str, torch.Tensor]
) -> None:
    """Write adapter.safetensors atomically.

    Raises:
        UsageError: QA0013, QA0014; the file is as it was before.
    """
    write_atomically(path, safetensors_bytes(manifest, state))


def read_safetensors(path: str | Path) -> tuple[Manifest, dict[str, torch.Tensor]]:
    """The manifest and the tensors of adapter.safetensors.

    Raises:
        ArtifactError: QA5001 to QA5010.
    """
    name = str(path)
    header = read_header(name)
    record = _record(name, header)
    text = record["manifest"]
    if not isinstance(text, str):
        raise ArtifactError(ManifestMalformed(path=name, reason="it is not text"))
    if hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() != record["manifest_sha256"]:
        raise ArtifactError(DigestMismatch(path=name, part="manifest"))
    manifest = checked_manifest(name, text)
    shapes = stored(manifest.planned, header.shapes)
    tensors = load_tensors(name, header, shapes)
    state = {key: tensors[key] for key in shapes}
    if state_digest(state) != record["state_sha256"]:
        raise ArtifactError(DigestMismatch(path=name, part="state"))
    return manifest, state


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What stands before the tensors of a safetensors file."""

    length: int
    """Bytes from the start of the file to the tensors."""
    shapes: dict[str, tuple[int, ...]]
    metadata: dict[str, Any]


def read_header(path: str) -> Header:
    """The header of a safetensors file; no tensor is read.

    Raises:
        ArtifactError: QA5001 to QA5003; QA5007 where it is larger than that of any adapter.
    """
    length = int.from_bytes(read_bytes(path, 8), "little")
    if length > LARGEST_HEADER:
        reason = "it is no safetensors file, or its header is too large"
        raise ArtifactError(NotAnArchive(path=path, reason=reason))
    text = read_bytes(path, 8 + length)[8:]
    try:
        if len(text) < length:
            raise ValueError("it is cut off")
        entries = bounded_json(path, text)
        if not isinstance(entries, dict):
            raise ValueError("its header is no object")
        # `null` is as good as nothing to the library.
        metadata = entries.pop("__metadata__", None) or {}
        if not isinstance(metadata, dict):
            raise ValueError("its metadata are no object")
        shapes = {name: tuple(map(int, entry["shape"])) for name, entry in entries.items()}
    except ArtifactError:
        raise
    except (ValueError, TypeError, KeyError) as error:
        reason = f"it is no safetensors file, or a damaged one ({str(error)[:200]})"
        raise ArtifactError(NotAnArchive(path=path, reason=reason)) from None
    return Header(length=8 + length, shapes=shapes, metadata=metadata)


def load_tensors(
    path: str,
    header: Header,
    shapes: Mapping[str, tuple[int, ...]],
    integers: Container[str] = (),
) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, which are to be exactly those of these names and shapes.

    They are real floating-point numbers; those in `integers` may be integers as well.

    Raises:
        ArtifactError: QA5003, QA5009.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    _raise_problems(path, _misshapen(header.shapes, shapes))
    # No more than float64 takes, and one byte to see that there is more.
    most = header.length + 8 * sum(map(math.prod, shapes.values())) + 1
    try:
        # Clones: views of the file's bytes are not aligned, and kernels round them differently.
        found = load(read_bytes(path, most))
        tensors = {name: tensor.clone() for name, tensor in found.items()}
    except (SafetensorError, KeyError, ValueError) as error:
        reason = f"it is no safetensors file, or a damaged one ({error})"
        raise ArtifactError(NotAnArchive(path=path, reason=reason)) from None
    real = {name: tensor for name, tensor in tensors.items() if name not in integers}
    check_tensors(path, real, {name: shapes[name] for name in real if name in shapes})
    return tensors


def check_tensors(
    path: str, tensors: Mapping[str, torch.Tensor], shapes: Mapping[str, tuple[int, ...]]
) -> None:
    """Whether the tensors are exactly those of these names and shapes, real floating point.

    Raises:
        ArtifactError: QA5009, for each that is not.
    """
    problems = _misshapen({name: tuple(it.shape) for name, it in tensors.items()}, shapes)
    problems += [
        (name, f"is {tensor.dtype}, not of real floating-point numbers")
        for name, tensor in tensors.items()
        if name in shapes and (not tensor.dtype.is_floating_point or tensor.dtype.itemsize < 2)
    ]
    _raise_problems(path, problems)


def _misshapen(
    found: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]]
) -> list[tuple[str, str]]:
    problems = [(name, "is missing") for name in wanted if name not in found]
    for name, shape in found.items():
        if name not in wanted:
            problems.append((name, "is not part of the plan"))
        elif shape != wanted[name]:
            problems.append((name, f"has the shape {shape}, not {wanted[name]}"))
    return problems


def _raise_problems(path: str, problems: list[tuple[str, str]]) -> None:
    if problems:
        raise ArtifactError(
            *few([TensorMismatch(path=path, tensor=name, problem=text) for name, text in problems])
        )


def _record(path: str, header: Header) -> dict[str, Any]:
    metadata = header.metadata
    if KEY not in metadata:
        found = f"the metadata {', '.join(sorted(metadata)[:3])}" if metadata else "no metadata"
        raise ArtifactError(ForeignArchive(path=path, found=found))
    try:
        record = bounded_json(path, str(metadata[KEY]))
    except ArtifactError:
        raise
    except ValueError:
        record = None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise ArtifactError(ForeignArchive(path=path, found=f"a foreign `{KEY}` entry"))
    version = record.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ArtifactError(ManifestMalformed(path=path, reason="its version is not a number"))
    if version > VERSION:
        raise ArtifactError(FutureVersion(path=path, version=version, supported=VERSION))
    if set(record) != _ENTRIES:
        reason = f"its entries are not {', '.join(sorted(_ENTRIES))}"
        raise ArtifactError(ManifestMalformed(path=path, reason=reason))
    return record
