"""Reading a transformers configuration file, with its sanity checked before anything is built."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.models import (
    ModelConfigMalformed,
    ModelNotFound,
    ModelTooLarge,
)
from qcompile.diagnostics.reading import read_regular
from qcompile.diagnostics.source import Span

LARGEST_FILE = 2**20
"""Bytes of a configuration."""

COUNT_LIMIT = 1024
"""Most layers, blocks or experts; building the module tree takes time for each."""

SIZE_LIMIT = 2**24
"""Largest width or vocabulary."""

_COUNT_WORDS = ("layer", "blocks", "experts", "depth", "stages", "groups", "repeats")

_FOREIGN = frozenset({"auto_map", "dtype", "torch_dtype", "quantization_config", "use_kernels"})


def read_config(path: str, span: Span | None = None) -> tuple[Path, dict[str, object]]:
    """Read the configuration at `path`, a config.json or a folder that holds one.

    Returns:
        The file's path and the JSON object in it.

    Raises:
        CompileError: QA7001, QA7002, QA7004.
    """
    try:
        file = config_file(path)
        data, size = read_regular(file, LARGEST_FILE + 1)
        if size > LARGEST_FILE:
            reason = f"it has {size} bytes"
            raise CompileError(ModelConfigMalformed(path=path, reason=reason, span=span))
        text = data.decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise CompileError(ModelNotFound(path=path, span=span)) from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        if isinstance(error, CompileError):
            raise
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise CompileError(ModelConfigMalformed(path=path, reason=reason, span=span)) from None
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = f"it is not JSON ({str(error)[:100]})"
        raise CompileError(ModelConfigMalformed(path=path, reason=reason, span=span)) from None
    if not isinstance(config, dict):
        reason = "it is not a JSON object"
        raise CompileError(ModelConfigMalformed(path=path, reason=reason, span=span))
    _check_sizes(path, config, span)
    return file, config


def config_file(path: str) -> Path:
    """The file that a model's path stands for."""
    file = Path(path)
    return file / "config.json" if file.is_dir() else file


def config_digest(config: dict[str, object]) -> str:
    """sha256 of the canonical JSON of a configuration."""
    text = json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def without_code(config: dict[str, object]) -> dict[str, object]:
    """The configuration without what would make transformers fetch or run foreign code.

    Implementations of attention may be named by a repository of compiled kernels, and classes by
    a file of the model's own; neither matters for names and sizes of modules.
    """
    kept: dict[str, object] = {}
    for field, value in config.items():
        if field not in _FOREIGN and not field.endswith("_implementation"):
            kept[field] = without_code(value) if isinstance(value, dict) else value
    return kept


def _check_sizes(path: str, config: dict[str, object], span: Span | None) -> None:
    rest: list[tuple[str, object]] = list(config.items())
    while rest:
        field, value = rest.pop()
        if isinstance(value, dict):
            rest += value.items()
        elif isinstance(value, list):
            rest += [(field, item) for item in value]
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            counts = any(word in field for word in _COUNT_WORDS)
            limit = COUNT_LIMIT if counts else SIZE_LIMIT
            if abs(value) > limit and (counts or isinstance(value, int)):
                infinite = isinstance(value, float) and not math.isfinite(value)
                size = 2**63 if infinite else int(value)
                raise CompileError(
                    ModelTooLarge(path=path, field=field, value=size, limit=limit, span=span)
                )
