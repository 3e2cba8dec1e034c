"""Which modules are self-attention that a prefix can stand in, and of which sizes."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from qcompile.models.linear import linear_sizes

if TYPE_CHECKING:
    import torch

KEY_MAPS = ("k_proj", "key", "k_lin")
"""Names of the map from hidden states to keys."""

FUSED_MAPS = ("c_attn", "query_key_value", "qkv_proj", "Wqkv", "W_pack")
"""Names of the map from hidden states to queries, keys and values."""

HEAD_SIZES = ("head_dim", "attention_head_size", "head_size")
"""Attributes that hold the width of one head."""


CROSS_NAMES = frozenset({"crossattention", "cross_attention", "cross_attn", "encoder_attn"})
"""Parts of names under which transformers' models keep attention to another sequence: the modules
are often of the very class that they use for self-attention."""


def attention_sizes(module: torch.nn.Module, name: str) -> tuple[int, int] | None:
    """(width of the hidden state, width of all keys together), or None.

    Takes transformers' modules that hand keys and values to a cache, `past_key_values`, and know
    the width of a head: through the cache is the way in for a prefix. Cross-attention is left out,
    which `name`, that of the module in its model, often tells alone.
    """
    if head_size(module) is None or is_cross_attention(module, name):
        return None
    if "past_key_values" not in inspect.signature(module.forward).parameters:
        return None
    for name in KEY_MAPS:
        sizes = _child_sizes(module, name)
        if sizes is not None:
            return sizes
    for name in FUSED_MAPS:
        sizes = _child_sizes(module, name)
        if sizes is not None:
            return _fused(module, sizes)
    return None


def is_cross_attention(module: torch.nn.Module, name: str) -> bool:
    """Whether the module attends to another sequence."""
    if getattr(module, "is_cross_attention", False) or "Cross" in type(module).__name__:
        return True
    return not CROSS_NAMES.isdisjoint(name.split("."))


def head_size(module: torch.nn.Module) -> int | None:
    """The width of one head, where the module says it."""
    for name in HEAD_SIZES:
        size: Any = getattr(module, name, None)
        if isinstance(size, int) and size >= 1:
            return size
    return None


def _child_sizes(module: torch.nn.Module, name: str) -> tuple[int, int] | None:
    child = module._modules.get(name)
    if child is None:
        return None
    return linear_sizes(getattr(child, "base_layer", child))


def _fused(module: torch.nn.Module, sizes: tuple[int, int]) -> tuple[int, int] | None:
    """Keys and values are as wide as each other; queries are a whole number of times as wide."""
    heads = getattr(module, "num_key_value_heads", None)
    size = head_size(module)
    if isinstance(heads, int) and size is not None:
        return sizes[0], heads * size
    return (sizes[0], sizes[1] // 3) if sizes[1] % 3 == 0 else None
