"""Which kind of file a path names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from qcompile.artifact.manifest import Manifest
from qcompile.artifact.peft_folder import read_peft_folder, write_peft_folder
from qcompile.artifact.read import read_artifact
from qcompile.artifact.safetensors_file import read_safetensors, write_safetensors
from qcompile.artifact.write import write_artifact

if TYPE_CHECKING:
    import torch


def names_folder(path: str | Path) -> bool:
    """Whether a path says by a slash at its end that it is a folder."""
    return str(path).endswith(("/", os.sep))


def write_adapter(path: str | Path, manifest: Manifest, state: Mapping[str, torch.Tensor]) -> None:
    """Write .safetensors, a folder for peft where the path ends with `/`, or else adapter.pt.

    Raises:
        UsageError: QA0013, QA0014.
    """
    if names_folder(path):
        write_peft_folder(path, manifest, state)
    elif Path(path).suffix == ".safetensors":
        write_safetensors(path, manifest, state)
    else:
        write_artifact(path, manifest, state)


def read_adapter(path: str | Path) -> tuple[Manifest, dict[str, torch.Tensor]]:
    """Read what `write_adapter` wrote.

    Raises:
        ArtifactError: QA5001 to QA5011.
    """
    if names_folder(path) or os.path.isdir(path):
        return read_peft_folder(path)
    if Path(path).suffix == ".safetensors":
        return read_safetensors(path)
    return read_artifact(path)
