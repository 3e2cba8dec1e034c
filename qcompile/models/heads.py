"""How many heads the attention of a module has, and how wide they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qcompile.models.attention import head_size

if TYPE_CHECKING:
    import torch

COUNTS = ("num_heads", "num_attention_heads", "n_heads", "n_head")
"""Attributes of attention modules that hold the number of heads."""

Heads = tuple[int, int, int]
"""Heads, heads of the keys and values, width of a head."""


def heads_of(module: torch.nn.Module, above: Heads | None) -> Heads | None:
    """From the module itself or its configuration, else those of the module above it."""
    config: object = getattr(module, "config", None)
    count = _first(module, COUNTS) or _first(config, COUNTS[1:2])
    width = head_size(module) or _first(config, ("head_dim", "d_kv"))
    if count is None:
        return above
    if width is None:
        hidden = _first(config, ("hidden_size",))
        width = None if hidden is None or hidden % count else hidden // count
    if width is None:
        return above
    keys = ("num_key_value_heads",)
    return count, _first(module, keys) or _first(config, keys) or count, width


def _first(holder: object, names: tuple[str, ...]) -> int | None:
    """The first of these attributes that is a whole number from 1."""
    for name in names:
        value = getattr(holder, name, None)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
            return value
    return None
