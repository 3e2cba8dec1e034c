"""Writing adapter.pt: the same adapter gives the same bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from qcompile.artifact.atomic import write_atomically
from qcompile.artifact.manifest import Manifest
from qcompile.artifact.record import record_of

if TYPE_CHECKING:
    import torch


def artifact_bytes(manifest: Manifest, state: Mapping[str, torch.Tensor]) -> bytes:
    """The contents of adapter.pt; `state` as for `record_of`."""
    import torch

    record, tensors = record_of(manifest, state)
    # torch.save to a path would put the file's name into the archive.
    buffer = io.BytesIO()
    torch.save({**record, "state": tensors}, buffer)
    return buffer.getvalue()


def write_artifact(path: str | Path, manifest: Manifest, state: Mapping[str, torch.Tensor]) -> None:
    """Write adapter.pt atomically.

    Raises:
        UsageError: QA0013, QA0014; the file is as it was before.
    """
    write_atomically(path, artifact_bytes(manifest, state))
