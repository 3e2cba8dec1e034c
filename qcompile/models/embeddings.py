"""Which modules are embeddings that look rows of their weight up, and of which sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def embedding_sizes(module: torch.nn.Module) -> tuple[int, int, int | None] | None:
    """Number of tokens, width of a row and the token for padding; None for any other module.

    Knows torch's Embedding, and those of transformers that multiply the row by `embed_scale`.
    """
    from torch import nn

    if not isinstance(module, nn.Embedding) or embedding_obstacle(module) is not None:
        return None
    return module.num_embeddings, module.embedding_dim, module.padding_idx


def embedding_obstacle(module: torch.nn.Module) -> str | None:
    """Why an embedding is none whose input is known to be the ids of rows."""
    from torch import nn

    if not isinstance(module, nn.Embedding):
        return None
    kind = type(module)
    scaled = kind.__module__.startswith("transformers.") and hasattr(module, "embed_scale")
    if kind.forward is nn.Embedding.forward or (scaled and "Scaled" in kind.__name__):
        return None
    return f"`{kind.__name__}` has a forward of its own, which may look up other rows than its ids"
