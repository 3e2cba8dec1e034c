"""Token ids, the input of an embedding, as an adapter's steps take them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Tokens:
    """The ids, and the element of x at each; see `qcompile.ir.ops.lookup`."""

    ids: Tensor
    """(B,), int64."""
    element: Tensor | None = None
    """(B, 1); None: 1 for all."""


def tokens_of(
    ids: Tensor, dtype: torch.dtype, module: nn.Module | None, padding: int | None
) -> Tokens:
    """Ids (B,) as the embedding `module` takes them; without a module nothing is scaled.

    `padding` is the token for which the element is zero.
    """
    ids = ids.reshape(-1).long()
    element: Tensor | None = None
    scale = embed_scale(module)
    if scale is not None:
        scale = torch.as_tensor(scale, device=ids.device).to(dtype)
        element = scale.expand(ids.shape[0], 1)
    if padding is not None:
        kept = (ids != padding).unsqueeze(1).to(dtype)
        element = kept if element is None else kept * element
    return Tokens(ids, element)


def embed_scale(module: nn.Module | None) -> Tensor | float | None:
    """What an embedding multiplies its rows by, where transformers' own do so."""
    found: object = getattr(module, "embed_scale", None)
    return found if isinstance(found, Tensor | float | int) else None


def placeholder(ids: Tensor, dtype: torch.dtype, width: int) -> Tensor:
    """What stands for x (B, width) where steps ask for its dtype, device and rows; no memory."""
    return torch.zeros((), dtype=dtype, device=ids.device).expand(ids.shape[0], width)
