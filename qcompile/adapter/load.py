"""adapter.pt, .safetensors or a folder for peft → torch module."""

from __future__ import annotations

import os
from pathlib import Path

from torch import Tensor

from qcompile.adapter.compiled import CompiledAdapter
from qcompile.artifact.formats import read_adapter
from qcompile.artifact.peft_folder import read_with_modules
from qcompile.diagnostics.arguments import check_path
from qcompile.diagnostics.errors import ArtifactError
from qcompile.diagnostics.messages.interface import SourceNotCompiled


def load(path: str | Path) -> CompiledAdapter:
    """Load an adapter as it was saved; on the CPU, in training mode.

    Nothing in the file is executed, and no search is repeated: paths and evaluators are frozen in
    the file.

    Raises:
        ArtifactError: QA5001 to QA5011, for a missing, damaged, foreign, newer or hostile file;
            QA6015 for a source.
        UsageError: QA6013.
    """
    name = check_path("load", "path", path)
    if Path(name).suffix == ".qa" and os.path.isfile(name):
        raise ArtifactError(SourceNotCompiled(path=name))
    manifest, state = read_adapter(path)
    return CompiledAdapter.from_state(manifest, state)


def load_with_modules(path: str | Path) -> tuple[CompiledAdapter, dict[str, Tensor]]:
    """The same, and what a folder of peft holds of `modules_to_save`, by names in the model.

    Raises:
        ArtifactError: QA5001 to QA5011; QA6015 for a source.
        UsageError: QA6013.
    """
    if not os.path.isdir(path):
        return load(path), {}
    manifest, state, modules = read_with_modules(path)
    return CompiledAdapter.from_state(manifest, state), modules
