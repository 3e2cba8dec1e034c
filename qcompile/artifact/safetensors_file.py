"""adapter.safetensors: the manifest in the header, the tensors behind it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qcompile.artifact.atomic import write_atomically
from qcompile.artifact.check import checked_manifest
from qcompile.artifact.digest import state_digest
from qcompile.artifact.layout import layout
from qcompile.artifact.manifest import FORMAT, VERSION, Manifest
from qcompile.artifact.read import read_bytes
from qcompile.diagnostics.errors import ArtifactError, few
from qcompile.diagnostics.messages.artifact import (
    DigestMismatch,
    ForeignArchive,
    FutureVersion,
    ManifestMalformed,
    NotAnArchive,
    TensorMismatch,
)
from qcompile.ir.codec import canonical_json

if TYPE_CHECKING:
    import torch

KEY = "qcompile"
"""The one entry of the header's metadata; several would be written in a random order."""

_ENTRIES = {"format", "version", "manifest", "manifest_sha256", "state_sha256"}


def safetensors_bytes(manifest: Manifest, state: Mapping[str, torch.Tensor]) -> bytes:
    """The contents of adapter.safetensors; the same adapter gives the same bytes.

    Args:
        manifest: What was compiled.
        state: Exactly the tensors of `layout(manifest.planned)`, any device.
    """
    from safetensors.torch import save

    names = [entry.name for entry in layout(manifest.planned)]
    tensors = {name: state[name].detach().to("cpu").contiguous().clone() for name in names}
    text = canonical_json(manifest)
    record = {
        "format": FORMAT,
        "version": VERSION,
        "manifest": text,
        "manifest_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "state_sha256": state_digest(tensors),
    }
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
    data = read_bytes(name)
    tensors = load_tensors(name, data)
    record = _record(name, data)
    text = record["manifest"]
    if not isinstance(text, str):
        raise ArtifactError(ManifestMalformed(path=name, reason="it is not text"))
    if hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() != record["manifest_sha256"]:
        raise ArtifactError(DigestMismatch(path=name, part="manifest"))
    manifest = checked_manifest(name, text)
    shapes = {entry.name: entry.shape for entry in layout(manifest.planned)}
    check_tensors(name, tensors, shapes)
    state = {key: tensors[key] for key in shapes}
    if state_digest(state) != record["state_sha256"]:
        raise ArtifactError(DigestMismatch(path=name, part="state"))
    return manifest, state


def load_tensors(path: str, data: bytes) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file.

    Raises:
        ArtifactError: QA5003.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        # Clones: views of the file's bytes are not aligned, and kernels round them differently.
        tensors = {name: tensor.clone() for name, tensor in load(data).items()}
    except (SafetensorError, KeyError, ValueError) as error:
        reason = f"it is no safetensors file, or a damaged one ({error})"
        raise ArtifactError(NotAnArchive(path=path, reason=reason)) from None
    return tensors


def check_tensors(
    path: str, tensors: Mapping[str, torch.Tensor], shapes: Mapping[str, tuple[int, ...]]
) -> None:
    """Whether the tensors are exactly those of these names and shapes, real floating point.

    Raises:
        ArtifactError: QA5009, for each that is not.
    """
    problems = [
        TensorMismatch(path=path, tensor=name, problem="is missing")
        for name in shapes
        if name not in tensors
    ]
    for name, tensor in tensors.items():
        shape = shapes.get(name)
        found = tuple(tensor.shape)
        if shape is None:
            problem = "is not part of the plan"
        elif found != shape:
            problem = f"has the shape {found}, not {shape}"
        elif not tensor.dtype.is_floating_point or tensor.dtype.itemsize < 2:
            problem = f"is {tensor.dtype}, not of real floating-point numbers"
        else:
            continue
        problems.append(TensorMismatch(path=path, tensor=name, problem=problem))
    if problems:
        raise ArtifactError(*few(problems))


def _record(path: str, data: bytes) -> dict[str, Any]:
    length = int.from_bytes(data[:8], "little")
    # `null` is as good as nothing to the library that has read the header before.
    metadata = json.loads(data[8 : 8 + length]).get("__metadata__") or {}
    if KEY not in metadata:
        found = f"the metadata {', '.join(sorted(metadata)[:3])}" if metadata else "no metadata"
        raise ArtifactError(ForeignArchive(path=path, found=found))
    try:
        record = json.loads(metadata[KEY])
    except (ValueError, RecursionError):
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
