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
from qcompile.diagnostics.errors import ArtifactError, UsageError
from qcompile.diagnostics.messages.artifact import ProgramNotAdapter
from qcompile.diagnostics.messages.usage import UnknownOutputSuffix

if TYPE_CHECKING:
    import torch


FOLDER = "a folder/"
"""How messages speak of a folder for peft."""

PROGRAM = ".pt2"
"""A program of torch.export."""

ONNX = ".onnx"

PROGRAMS = (PROGRAM, ONNX)
"""What runs without qcompile. It is written only: nothing leads back from it to the adapter."""

READ = (".pt", ".safetensors", FOLDER)
WRITTEN = (".pt", ".safetensors", *PROGRAMS, FOLDER)


def kind_of(path: str | Path) -> str:
    """The suffix of a path, or FOLDER where it ends with a slash."""
    return FOLDER if names_folder(path) else Path(path).suffix


def names_folder(path: str | Path) -> bool:
    """Whether a path says by a slash at its end that it is a folder."""
    return str(path).endswith(("/", os.sep))


def write_adapter(path: str | Path, manifest: Manifest, state: Mapping[str, torch.Tensor]) -> None:
    """Write adapter.pt, .safetensors, or a folder for peft where the path ends with `/`.

    Programs need torch modules: `CompiledAdapter.save` writes them.

    Raises:
        UsageError: QA0012 for any other suffix, QA0013, QA0014.
    """
    match kind_of(path):
        case ".pt":
            write_artifact(path, manifest, state)
        case ".safetensors":
            write_safetensors(path, manifest, state)
        case kind if kind == FOLDER:
            write_peft_folder(path, manifest, state)
        case _:
            raise UsageError(UnknownOutputSuffix(path=str(path), suffixes=WRITTEN))


def read_adapter(path: str | Path) -> tuple[Manifest, dict[str, torch.Tensor]]:
    """Read what `write_adapter` wrote; a file with a suffix that it does not know, as adapter.pt.

    Raises:
        ArtifactError: QA5001 to QA5011; QA5021 for a program.
    """
    if names_folder(path) or os.path.isdir(path):
        return read_peft_folder(path)
    if Path(path).suffix in PROGRAMS and os.path.exists(path):
        raise ArtifactError(ProgramNotAdapter(path=str(path)))
    if Path(path).suffix == ".safetensors":
        return read_safetensors(path)
    return read_artifact(path)
