"""Modules to which no adapter can be attached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qcompile.ir.hosts import CONVOLUTION_HOST, EMBEDDING_HOST, LINEAR_HOST
from qcompile.models.convolutions import convolution_obstacle
from qcompile.models.embeddings import embedding_obstacle
from qcompile.models.linear import is_conv1d, linear_sizes
from qcompile.models.packed import CALLS_MAPS, can_be_opened
from qcompile.models.parameters import router_weight

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What is in the way at one module."""

    reason: str
    kind: str = LINEAR_HOST
    """Of the module, see `qcompile.ir.hosts`."""


def obstacles(model: torch.nn.Module) -> dict[int, Obstacle]:
    """`id` of a module → why no adapter can be attached to it, where one might be expected."""
    from torch import nn

    found: dict[int, Obstacle] = {}
    for name, module in model.named_modules():
        reason = shape_obstacle(module)
        if linear_sizes(module) is not None and router_weight(name, module) is not None:
            reason = "it gives scores as well; `attach router` reaches its weight"
        if reason is not None:
            found[id(module)] = Obstacle(reason)
        reason = embedding_obstacle(module)
        if reason is not None:
            found[id(module)] = Obstacle(reason, EMBEDDING_HOST)
        reason = convolution_obstacle(module)
        if reason is not None:
            found[id(module)] = Obstacle(reason, CONVOLUTION_HOST)
        if isinstance(module, nn.MultiheadAttention):
            projection = module._modules.get("out_proj")
            # A subclass with a forward of its own, as for quantisation, puts a plain Linear there.
            own = type(module).forward is not nn.MultiheadAttention.forward
            called = can_be_opened(module) or getattr(module, CALLS_MAPS, False)
            if (
                projection is not None
                and not called
                and not (own and type(projection) is nn.Linear)
            ):
                found[id(projection)] = Obstacle(bypassed(type(module).__name__))
    return found


def bypassed(kind: str) -> str:
    """Why an adapter is of no use in a module of a class `kind`."""
    return f"`{kind}` reads its weight and never calls it, so the adapter would have no effect"


def shape_obstacle(module: torch.nn.Module) -> str | None:
    """What is wrong with a weight whose shape is not that of the map."""
    import torch
    from torch.nn.parameter import is_lazy

    sizes = linear_sizes(module)
    if sizes is None:
        return None
    weight: Any = module.weight
    if is_lazy(weight):
        return "its weight has no shape before its first call"
    # Packed and sharded weights have shapes of their own.
    if type(weight) not in (torch.nn.Parameter, torch.Tensor) or weight.dim() < 2:
        return None
    if weight.dtype not in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        return None
    wanted = sizes if is_conv1d(module) else (sizes[1], sizes[0])
    shape = tuple(weight.shape)
    if shape in (wanted, wanted[::-1]):
        return None
    return f"its weight is {_times(shape)}, and not {_times(wanted)} as its sizes say"


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
