"""What every file of an adapter says of itself, and the tensors that it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from qcompile.artifact.digest import state_digest
from qcompile.artifact.layout import stored
from qcompile.artifact.manifest import FORMAT, VERSION, Manifest
from qcompile.ir.codec import canonical_json

if TYPE_CHECKING:
    import torch


def record_of(
    manifest: Manifest, state: Mapping[str, torch.Tensor]
) -> tuple[dict[str, str | int], dict[str, torch.Tensor]]:
    """(format, version, manifest and digests by name, tensors on the CPU by name).

    Args:
        manifest: What was compiled.
        state: Exactly the tensors of `layout(manifest.planned)`, any device; frozen ones may be
            left out.
    """
    names = stored(manifest.planned, state)
    # Clones, so that views of one storage do not drag the whole of it into the file.
    tensors = {name: state[name].detach().to("cpu").contiguous().clone() for name in names}
    text = canonical_json(manifest)
    record: dict[str, str | int] = {
        "format": FORMAT,
        "version": VERSION,
        "manifest": text,
        "manifest_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "state_sha256": state_digest(tensors),
    }
    return record, tensors
