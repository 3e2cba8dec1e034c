"""torch's MultiheadAttention with its projections as modules, which adapters can stand at.

The attention stays the same object with the same parameters under the same names; while it is open
its class is another one, whose forward calls the projections, and these read their rows of the
attention's parameters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from qcompile.models.packed import PROJECTIONS, can_be_opened


class PackedLinear(nn.Linear):
    """A projection of an attention: a linear map without parameters of its own."""

    def __init__(self, attention: nn.MultiheadAttention, name: str) -> None:
        """`name` is one of `PROJECTIONS`."""
        nn.Module.__init__(self)
        self.number = PROJECTIONS.index(name)
        self.in_features = (attention.embed_dim, attention.kdim, attention.vdim)[self.number]
        self.out_features = attention.embed_dim
        self.owner = (attention,)
        """In a tuple, so that it does not become a child of its child."""
        self.train(attention.training)

    def stored_name(self, name: str) -> str:
        """Of the attention's parameter that `weight` or `bias` is all or a part of."""
        packed: Any = self.owner[0].in_proj_weight
        if name == "bias" or packed is not None:
            return f"in_proj_{name}"
        return f"{PROJECTIONS[self.number]}_weight"

    def stored(self, name: str) -> Tensor | None:
        """That parameter; None where the attention has no bias."""
        found: Tensor | None = getattr(self.owner[0], self.stored_name(name))
        return found

    def _part(self, name: str) -> Any:
        stored = self.stored(name)
        if stored is None or stored.shape[0] == self.out_features:
            return stored
        start = self.number * self.out_features
        return stored[start : start + self.out_features]

    @property
    def weight(self) -> Any:  # type: ignore[override]
        """(out_features, in_features), a view."""
        return self._part("weight")

    @property
    def bias(self) -> Any:  # type: ignore[override]
        """(out_features,), a view; None where the attention has none."""
        return self._part("bias")


class OpenAttention(nn.MultiheadAttention):
    """What an attention is while it is open. Outputs are those of its base class up to rounding."""

    calls_maps: ClassVar[bool] = True

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """As of the base class, nested tensors aside."""
        if is_causal and attn_mask is None:
            raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
        single = query.dim() == 2
        first = single or self.batch_first
        # Batches first, as adapters of a mixed batch need them.
        given = [x if first else x.transpose(0, 1) for x in (query, key, value)]
        if single:
            given = [x.unsqueeze(0) for x in given]
        q, k, v = (found(x) for found, x in zip(self._own_projections(), given, strict=True))
        mask = self._mask(q, key_padding_mask, attn_mask)
        k, v, mask = self._longer(k, v, mask)
        q, k, v = (x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for x in (q, k, v))
        dropout = self.dropout if self.training else 0.0
        weights: Tensor | None = None
        if need_weights:
            scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(-2, -1)
            scores = scores if mask is None else scores + mask
            weights = functional.dropout(scores.softmax(-1), dropout)
            found = weights.to(v.dtype) @ v
        else:
            found = functional.scaled_dot_product_attention(q, k, v, mask, dropout)
        result: Tensor = self.out_proj(found.transpose(1, 2).flatten(2))
        result = result.squeeze(0) if single else result if first else result.transpose(0, 1)
        if weights is not None:
            weights = weights.mean(1) if average_attn_weights else weights
            weights = weights.squeeze(0) if single else weights
        return result, weights

    def _own_projections(self) -> list[Any]:
        """In a replica of DataParallel they have to learn whose they are."""
        found: list[Any] = [self._modules[name] for name in PROJECTIONS]
        for projection in found:
            packed = getattr(projection, "base_layer", projection)
            if packed.owner[0] is not self:
                packed.owner = (self,)
        return found

    def _mask(
        self, q: Tensor, key_padding_mask: Tensor | None, attn_mask: Tensor | None
    ) -> Tensor | None:
        """What is added to the scores: (batch or 1, heads or 1, L or 1, S)."""
        total: Tensor | None = None
        if attn_mask is not None:
            total = _added(attn_mask, q.dtype)
            heads = (q.shape[0], self.num_heads, *total.shape[1:])
            total = total.reshape(heads) if total.dim() == 3 else total[None, None]
        if key_padding_mask is not None:
            padding = _added(key_padding_mask, q.dtype)
            padding = padding.view(-1, 1, 1, padding.shape[-1])
            total = padding if total is None else total + padding
        return total

    def _longer(
        self, k: Tensor, v: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """With `bias_k` and `bias_v`, and with zeros, behind the keys and values."""
        count = 0
        if self.bias_k is not None and self.bias_v is not None:
            k = torch.cat([k, self.bias_k.to(k).expand(k.shape[0], 1, -1)], 1)
            v = torch.cat([v, self.bias_v.to(v).expand(v.shape[0], 1, -1)], 1)
            count += 1
        if self.add_zero_attn:
            k, v = functional.pad(k, (0, 0, 0, 1)), functional.pad(v, (0, 0, 0, 1))
            count += 1
        return k, v, mask if mask is None else functional.pad(mask, (0, count))


def _added(mask: Tensor, dtype: torch.dtype) -> Tensor:
    if mask.dtype != torch.bool:
        return mask.to(dtype)
    return torch.zeros_like(mask, dtype=dtype).masked_fill(mask, -math.inf)


def open_attention(model: nn.Module, names: Iterable[str]) -> None:
    """Let attention call its projections, and its `out_proj`, where one of them is named.

    Args:
        model: Changed in place.
        names: Of modules, which may be anything.
    """
    for name in names:
        parent, _, last = name.rpartition(".")
        if last not in (*PROJECTIONS, "out_proj"):
            continue
        try:
            attention = model.get_submodule(parent)
        except AttributeError:
            continue
        if isinstance(attention, nn.MultiheadAttention) and can_be_opened(attention):
            for projection in PROJECTIONS:
                attention.add_module(projection, PackedLinear(attention, projection))
            _become(attention, OpenAttention)


def close_attention(model: nn.Module) -> None:
    """Undo `open_attention` wherever no adapter stands at a projection; works on copies as well."""
    for module in list(model.modules()):
        if isinstance(module, OpenAttention):
            maps = [module._modules[name] for name in (*PROJECTIONS, "out_proj")]
            if not any(hasattr(found, "base_layer") for found in maps):
                for name in PROJECTIONS:
                    del module._modules[name]
                _become(module, nn.MultiheadAttention)


def _become(module: Any, kind: type[nn.MultiheadAttention]) -> None:
    module.__class__ = kind
