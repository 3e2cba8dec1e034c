"""Which rows of a batch go to which adapter."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.peft import MixedBatchRefused

BASE = "__base__"
"""Stands for no adapter, as in peft."""


def rows_of(names: Sequence[str], x: torch.Tensor) -> dict[str, list[int]]:
    """Rows by the names of their adapters, those of the base left out.

    Raises:
        AdapterError: QA6203 where there are not as many rows as names.
    """
    if x.dim() < 2 or x.shape[0] != len(names):
        rows = x.shape[0] if x.dim() else 0
        raise AdapterError(
            MixedBatchRefused(reason=f"there are {len(names)} names for {rows} rows")
        )
    found: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        if name != BASE:
            found.setdefault(name, []).append(row)
    return found
