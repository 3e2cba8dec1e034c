"""Writing adapter.pt: the same adapter gives the same bytes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from qcompile.artifact.atomic import write_atomically
from qcompile.artifact.digest import state_digest
from qcompile.artifact.layout import stored
from qcompile.artifact.manifest import FORMAT, VERSION, Manifest
from qcompile.ir.codec import canonical_json

if TYPE_CHECKING:
    import torch


def artifact_bytes(manifest: Manifest, state: Mapping[str, torch.Tensor]) -> bytes:
    """The contents of adapter.pt.

    Args:
        manifest: What was compiled.
        state: Exactly the tensors of `layout(manifest.planned)`, any device; frozen ones may be
            left out.
    """
    import torch

    names = stored(manifest.planned, state)
    # Clones, so that views of one storage do not drag the whole of it into the file.
    tensors = {name: state[name].detach().to("cpu").contiguous().clone() for name in names}
    text = canonical_json(manifest)
    contents = {
        "format": FORMAT,
        "version": VERSION,
        "manifest": text,
        "manifest_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "state_sha256": state_digest(tensors),
        "state": tensors,
    }
    # torch.save to a path would put the file's name into the archive.
    buffer = io.BytesIO()
    torch.save(contents, buffer)
    return buffer.getvalue()


def write_artifact(path: str | Path, manifest: Manifest, state: Mapping[str, torch.Tensor]) -> None:
    """Write adapter.pt atomically.

    Raises:
        UsageError: QA0013, QA0014; the file is as it was before.
    """
    write_atomically(path, artifact_bytes(manifest, state))
