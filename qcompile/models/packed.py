"""The maps of torch's MultiheadAttention, whose weights a function reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

PROJECTIONS = ("q_proj", "k_proj", "v_proj")
"""Names of the maps that are no modules: rows of `in_proj_weight`, or parameters of their own."""

CALLS_MAPS = "calls_maps"
"""The attribute of a class derived from MultiheadAttention that says that it calls its maps."""


def can_be_opened(module: torch.nn.Module) -> bool:
    """Whether a module is torch's own attention, which can be made to call its maps."""
    from torch import nn

    # A forward of the instance, such as accelerate's, would go on to call the old one.
    return type(module) is nn.MultiheadAttention and "forward" not in vars(module)


def projection_sizes(module: torch.nn.Module) -> dict[str, tuple[int, int]]:
    """Name → (in_features, out_features) of the maps that would be modules."""
    from torch import nn

    if not isinstance(module, nn.MultiheadAttention) or not can_be_opened(module):
        return {}
    widths = (module.embed_dim, module.kdim, module.vdim)
    return {
        name: (width, module.embed_dim) for name, width in zip(PROJECTIONS, widths, strict=True)
    }
