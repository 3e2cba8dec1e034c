"""From the block of a configuration file to the configuration that peft takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.messages.plugins import PluginBlockMissing, PluginSettingUnknown
from qcompile.diagnostics.nearest import nearest
from qcompile.peft.config import QCompileConfig

_SAVED = ("plan", "digests")
"""What only a saved adapter has."""


def configuration(block: object, where: str, example: str, **fixed: Any) -> QCompileConfig:
    """The configuration that a block of a file describes.

    Args:
        block: Values by the names of QCompileConfig's fields.
        where: The block's name, for messages.
        example: A block that would do.
        fixed: Fields that the program sets.

    Raises:
        AdapterError: QA7401 without a block or its `spec`, QA7402 for names that no field has,
            QA6211 for values that do not fit.
        SourceError: `spec` cannot be read.
    """
    if not isinstance(block, Mapping) or not block.get("spec"):
        raise AdapterError(PluginBlockMissing(where=where, example=example))
    known = {field.name for field in fields(QCompileConfig)}.difference(_SAVED, fixed)
    unknown = [
        PluginSettingUnknown(name=str(name), where=where, candidates=nearest(str(name), known))
        for name in block
        if name not in known
    ]
    if unknown:
        raise AdapterError(*few(unknown))
    return QCompileConfig(**block, **fixed)
