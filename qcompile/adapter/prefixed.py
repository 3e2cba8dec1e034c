"""Attention with trained keys and values before its own.

The attention module stays where it is, so that the names of its linear maps stay as well. A hook
before its forward hands it a cache that puts the prefix in front of what the real cache holds, and
a mask with columns for it. The real cache never sees the prefix: positions, the cache's length and
generation are those of the base model.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from qcompile.adapter.calls import Calls
from qcompile.adapter.hooks import take_hook
from qcompile.adapter.named import NamedParts
from qcompile.adapter.switch import Switch
from qcompile.artifact.peft_folder import ATTENTION
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.prefix import AttentionUnsupported

CROSS = ("key_value_states", "encoder_hidden_states")
"""Arguments that turn transformers' attention into cross-attention."""


class PrefixHolder(nn.Module):
    """What stands before the keys and values of one attention module."""

    def __init__(self, parameters: Iterable[str]) -> None:
        """`parameters` are the names of the parameters of the attention's forward, in order."""
        super().__init__()
        self.names = tuple(parameters)
        self.calls = Calls()

    def forward(self) -> tuple[Tensor, Tensor] | None:
        """Keys and values, each (tokens, width of all heads together); None: nothing stands."""
        raise NotImplementedError

    def pair(self, parts: Iterable[AdapterModule]) -> tuple[Tensor, Tensor] | None:
        """The same of some prefixes, in their order."""
        self.calls.note()
        pairs = [part.prefix() for part in parts]
        if not pairs:
            return None
        return torch.cat([keys for keys, _ in pairs]), torch.cat([values for _, values in pairs])


class Prefixes(PrefixHolder, NamedParts):
    """The prefixes of attached adapters, in the order of attachment."""

    def __init__(self, parameters: Iterable[str], switch: Switch) -> None:
        """`parameters` as for `PrefixHolder`; `switch` is the model's."""
        NamedParts.__init__(self, switch)
        self.names = tuple(parameters)
        self.calls = Calls()

    def forward(self) -> tuple[Tensor, Tensor] | None:
        standing = self.switch.standing()
        if standing.frozen != self.switch.now().frozen:
            with self.trained_as_in(standing):
                return self.pair(self.weighted(standing)[0])
        return self.pair(self.weighted(standing)[0])


class PrefixCache:
    """A cache, or none, with a prefix before what it holds."""

    def __init__(self, cache: Any, keys: Tensor, values: Tensor, kind: str) -> None:
        # An encoder-decoder's cache is two; a prefix is for self-attention.
        self._cache = getattr(cache, "self_attention_cache", cache)
        self._keys = keys
        self._values = values
        self._kind = kind

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """(B, heads, length, width of a head) each, the prefix first."""
        if self._cache is not None:
            key_states, value_states = self._cache.update(
                key_states, value_states, layer_idx, *args, **kwargs
            )
        return self._with(self._keys, key_states), self._with(self._values, value_states)

    def _with(self, prefix: Tensor, states: Tensor) -> Tensor:
        batch, heads, _, width = states.shape
        if prefix.shape[1] != heads * width:
            reason = f"it has {heads} heads of {width}, and the prefix is {prefix.shape[1]} wide"
            raise AdapterError(AttentionUnsupported(kind=self._kind, reason=reason))
        split = prefix.to(states.dtype).reshape(-1, heads, width).transpose(0, 1)
        return torch.cat([split.unsqueeze(0).expand(batch, -1, -1, -1), states], 2)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)


def stand_before(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """A pre-forward hook: the arguments of an attention module, with its prefixes."""
    holder = holder_of(module)
    pair = None if holder is None else holder()
    if holder is None or pair is None:
        return None
    keys, values = pair
    named = dict(zip(holder.names, args, strict=False)) | kwargs
    kind = type(module).__name__
    if any(named.get(name) is not None for name in CROSS):
        reason = "it attends to another sequence, and a prefix is for self-attention"
        raise AdapterError(AttentionUnsupported(kind=kind, reason=reason))
    cache = named.get("past_key_values")
    mask = named.get("attention_mask")
    hidden = named.get("hidden_states", args[0] if args else None)
    named["attention_mask"] = _mask(module, mask, hidden, cache, keys.shape[0], kind)
    named["past_key_values"] = PrefixCache(cache, keys, values, kind)
    return (), named


def _mask(
    module: nn.Module, mask: Any, hidden: Any, cache: Any, tokens: int, kind: str
) -> Tensor | None:
    """The mask with columns for the prefix, which every query sees."""
    if mask is None:
        return _causal_mask(module, hidden, cache, tokens)
    if not isinstance(mask, Tensor) or mask.dim() not in (2, 4):
        shape = f"{mask.dim()} axes" if isinstance(mask, Tensor) else f"type {type(mask).__name__}"
        reason = f"its mask has {shape}"
        raise AdapterError(AttentionUnsupported(kind=kind, reason=reason, foreign_mask=True))
    seen = 0 if mask.dtype.is_floating_point else 1
    return torch.nn.functional.pad(mask, (tokens, 0), value=seen)


def _causal_mask(module: nn.Module, hidden: Any, cache: Any, tokens: int) -> Tensor | None:
    """What `is_causal` means where the keys are not aligned with the queries.

    Flash attention aligns the last query with the last key, which is right as it is.
    """
    implementation = getattr(getattr(module, "config", None), "_attn_implementation", None)
    queries = hidden.shape[1]
    if implementation != "sdpa" or not getattr(module, "is_causal", False):
        return None
    past, length, offset = _places(cache, getattr(module, "layer_idx", 0), queries)
    if queries == 1 and offset + length == past + 1:
        return None
    query = torch.arange(past, past + queries, device=hidden.device)
    key = torch.arange(offset, offset + length, device=hidden.device)
    own = key[None, :] <= query[:, None]
    return torch.nn.functional.pad(own, (tokens, 0), value=True)[None, None]


def _places(cache: Any, layer: int, queries: int) -> tuple[int, int, int]:
    """Position of the first query, and how many keys the cache will give, from which position on.

    A static cache gives all of its places, those that are still empty too.
    """
    if cache is None:
        return 0, queries, 0
    cache = getattr(cache, "self_attention_cache", cache)
    past = int(cache.get_seq_length(layer))
    if not hasattr(cache, "get_mask_sizes"):
        return past, past + queries, 0
    length, offset = cache.get_mask_sizes(queries, layer)
    return past, int(length), int(offset)


def holder_of(module: nn.Module) -> PrefixHolder | None:
    """What stands before the keys and values of a module."""
    found = module._modules.get(ATTENTION)
    return found if isinstance(found, PrefixHolder) else None


def prefixes_of(module: nn.Module) -> Prefixes | None:
    """The attached prefixes of a module."""
    found = holder_of(module)
    return found if isinstance(found, Prefixes) else None


def forward_parameters(module: nn.Module) -> tuple[str, ...]:
    """The names of the parameters of a module's forward, in order."""
    return tuple(inspect.signature(module.forward).parameters)


def hold(module: nn.Module, holder: PrefixHolder) -> None:
    """Let a holder stand in an attention module."""
    holder.train(module.training)
    module.add_module(ATTENTION, holder)
    module.register_forward_pre_hook(stand_before, with_kwargs=True)


def release(module: nn.Module) -> None:
    """Undo `hold`; works on a copy of the module as well, and where the holder is gone."""
    module._modules.pop(ATTENTION, None)
    take_hook(stand_before, module._forward_pre_hooks, module._forward_pre_hooks_with_kwargs)
