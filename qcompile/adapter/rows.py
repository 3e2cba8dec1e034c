"""Which rows of a batch go to which adapter."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from qcompile.adapter.switch import BASE
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.peft import MixedBatchRefused


def rows_of(names: Sequence[str], x: torch.Tensor, repeats: int = 1) -> dict[str, list[int]]:
    """Rows by the names of their adapters, those of the base left out.

    Args:
        names: One for each row.
        x: (rows, …, in_features), with each row once, or `repeats` times one after the other.
        repeats: What `generate` makes of a batch for beams.

    Raises:
        AdapterError: QA6203 where there are not as many rows as names.
    """
    rows = x.shape[0] if x.dim() else 0
    if x.dim() >= 2 and rows == repeats * len(names):
        names = [name for name in names for _ in range(repeats)]
    elif x.dim() < 2 or rows != len(names):
        raise AdapterError(
            MixedBatchRefused(reason=f"there are {len(names)} names for {rows} rows")
        )
    found: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        if name != BASE:
            found.setdefault(name, []).append(row)
    return found
