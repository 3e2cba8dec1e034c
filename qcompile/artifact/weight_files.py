"""Weights of a model from its safetensors, one at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from qcompile.artifact.safetensors_file import read_header
from qcompile.diagnostics.errors import ArtifactError
from qcompile.diagnostics.reading import read_regular

if TYPE_CHECKING:
    from torch import Tensor

INDEX = "model.safetensors.index.json"
"""Names the file of each tensor, where there are several."""

LARGEST_INDEX = 64 * 2**20


def read_weights(path: Path, keys: Iterable[str]) -> dict[str, Tensor | str]:
    """Tensors by their names in the files, in their own dtype; or why one is not to be had.

    Args:
        path: A file of safetensors, or a folder with one or with an index of several.
        keys: Names of tensors, such as `model.embed_tokens.weight`.
    """
    from safetensors import SafetensorError, safe_open

    found: dict[str, Tensor | str] = {}
    where = _files(path)
    for key in keys:
        file = where.get(key, f"`{path}` has no `{key}`") if isinstance(where, dict) else where
        if isinstance(file, str):
            found[key] = file
            continue
        try:
            read_header(str(file))
            with safe_open(str(file), framework="pt") as opened:
                if key not in set(opened.keys()):
                    found[key] = f"`{file}` has no `{key}`"
                    continue
                tensor: Tensor = opened.get_tensor(key)
        except (ArtifactError, SafetensorError, OSError) as error:
            found[key] = f"`{file}` cannot be read: {_first_line(error)}"
            continue
        wide = tensor.is_floating_point() and tensor.dtype.itemsize >= 2
        found[key] = tensor if wide else f"`{key}` is quantised itself ({tensor.dtype})"
    return found


def _files(path: Path) -> dict[str, Path] | Path | str:
    """The file of each tensor, or of all; or why there is none."""
    for file in (path, path / "model.safetensors"):
        if file.is_file():
            return file
    try:
        text, _ = read_regular(path / INDEX, LARGEST_INDEX)
        table = json.loads(text)["weight_map"]
        return {str(key): path / Path(str(file)).name for key, file in table.items()}
    except OSError:
        return f"there are no safetensors at `{path}`"
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return f"`{path / INDEX}` is no index of tensors"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]
