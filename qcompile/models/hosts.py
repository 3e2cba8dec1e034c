"""Which modules an update can be attached to, and their widths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from qcompile.ir.hosts import CONVOLUTION_HOST, EMBEDDING_HOST, LINEAR_HOST, HostSizes
from qcompile.models.convolutions import convolution_sizes
from qcompile.models.embeddings import embedding_sizes
from qcompile.models.linear import linear_sizes
from qcompile.models.parameters import ROUTERS, stacked_experts
from qcompile.models.roles import ATTENTION, FEED_FORWARD

if TYPE_CHECKING:
    import torch

LAST = frozenset([*ATTENTION["o"].split(), *FEED_FORWARD["down"].split()])
"""Names of the linear map that a block ends in, wherever it stands in it."""


def host_sizes(module: torch.nn.Module) -> HostSizes | None:
    """Kind and widths of a module, as an update sees it; None where none fits it."""
    linear = linear_sizes(module)
    if linear is not None:
        return HostSizes(LINEAR_HOST, *linear)
    embedding = embedding_sizes(module)
    if embedding is not None:
        return HostSizes(EMBEDDING_HOST, *embedding)
    convolution = convolution_sizes(module)
    if convolution is not None:
        return HostSizes(CONVOLUTION_HOST, *convolution)
    norm = _norm_width(module)
    if norm is not None:
        return HostSizes("norm", norm, norm)
    block = _block_widths(module)
    return None if block is None else HostSizes("block", *block)


def _norm_width(module: torch.nn.Module) -> int | None:
    """Of torch's LayerNorm and RMSNorm over one axis, and of transformers' own such norms."""
    from torch import nn

    if isinstance(module, nn.LayerNorm | nn.RMSNorm):
        shape = tuple(module.normalized_shape)
        return int(shape[0]) if len(shape) == 1 else None
    if not type(module).__name__.endswith(("RMSNorm", "LayerNorm")):
        return None
    weight: Any = module._parameters.get("weight")
    return int(weight.shape[0]) if weight is not None and weight.dim() == 1 else None


def _block_widths(module: torch.nn.Module) -> tuple[int, int] | None:
    """The widths of what goes into the first linear map and comes out of the last one.

    None for lists of modules, which have no forward, and for whole models, whose inputs are no
    hidden states.
    """
    from torch import nn

    if isinstance(module, nn.MultiheadAttention):
        # Its maps are parameters that a function reads.
        return module.embed_dim, module.embed_dim
    own = type(module).forward is not nn.Module.forward
    if not own or hasattr(module, "base_model_prefix") or isinstance(module, nn.Sequential):
        return None
    maps = list(_linear_maps(module))
    layer = _layer_width(module) if maps else None
    routed = (
        None if any("att" in name.lower() for name in module._modules) else _routed_width(module)
    )
    width = layer or routed
    if width is not None:
        return width, width
    if len(maps) < 2:
        return None
    last = [(name, sizes) for name, sizes in maps if name in LAST]
    first = [(name, sizes) for name, sizes in maps if name.rpartition(".")[2] not in LAST]
    starts = [sizes for name, sizes in first if name.endswith("in_proj")] or [s for _, s in first]
    return (starts or [maps[0][1]])[0][0], (last or maps)[-1][1][1]


def _linear_maps(module: torch.nn.Module) -> Iterator[tuple[str, tuple[int, int]]]:
    """Names and widths of the linear maps inside, without what chooses among experts."""
    for name, inside in module.named_modules():
        if name and name.rpartition(".")[2] not in ROUTERS:
            sizes = linear_sizes(inside)
            if sizes is not None:
                yield name, sizes


def _layer_width(module: torch.nn.Module) -> int | None:
    """The width of the norms of a module with blocks and norms in it."""
    children = list(module.children())
    norms = [width for child in children if (width := _norm_width(child)) is not None]
    blocks = any(len(list(_linear_maps(child))) > 1 for child in children)
    return norms[0] if norms and blocks else None


def _routed_width(module: torch.nn.Module) -> int | None:
    """The width of what a router reads, where the experts are slices of one parameter."""
    experts = {
        child.get_parameter(stacked).shape[0]
        for name, child in module.named_children()
        for stacked in stacked_experts(name, child)
    }
    for child in module.children():
        for parameter in child._parameters.values():
            if parameter is not None and parameter.dim() == 2 and parameter.shape[0] in experts:
                return int(parameter.shape[1])
    return None
