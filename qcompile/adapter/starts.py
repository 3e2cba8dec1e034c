"""Start values from the weights of the modules that an adapter is attached to.

PiSSA, arXiv:2404.02948, and OLoRA, arXiv:2406.01775.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from qcompile.backends.simulator.base import ModuleBase
from qcompile.backends.simulator.module import AdapterModule
from qcompile.ir.initialisation import Init
from qcompile.ir.tensor import TensorSpec


def waiting(part: AdapterModule) -> tuple[TensorSpec, ...]:
    """The tensors that the weight has not started yet: they hold NaN alone."""
    return tuple(
        tensor
        for tensor in part.plan.tensors
        if tensor.init.from_weight and _unset(part.get_parameter(tensor.name))
    )


def start_from_weight(part: AdapterModule, base: nn.Module, tensors: Iterable[TensorSpec]) -> None:
    """Give `tensors` of a part their start values, which the weight of `base` says.

    Decompositions are computed in float32, in float64 for a weight in it, once for each module. A
    weight without values (meta device) starts nothing.

    Raises:
        AdapterError: QA6024.
    """
    tensors = tuple(tensors)
    if not tensors:
        return
    own = ModuleBase(base, torch.float32, part.plan.adapter, part.site)
    weight = own.weight()
    if weight.is_meta:
        return
    weight = weight.to(torch.promote_types(weight.dtype, torch.float32))
    found: dict[str, tuple[Tensor, Tensor]] = {}
    with torch.no_grad():
        for tensor in tensors:
            family = tensor.init.kind.partition("_")[0]
            if family not in found:
                found[family] = _principal(weight) if family == "principal" else _qr(weight)
            value = _start(tensor.init, tensor.shape, found[family])
            part.get_parameter(tensor.name).copy_(value)


def forget_starts(part: AdapterModule, tensors: Iterable[TensorSpec]) -> None:
    """Let tensors wait for a weight again."""
    with torch.no_grad():
        for tensor in tensors:
            part.get_parameter(tensor.name).fill_(math.nan)


def _unset(value: Tensor) -> bool:
    return not value.is_meta and bool(value.isnan().all())


def _principal(weight: Tensor) -> tuple[Tensor, Tensor]:
    """U √S (out, k) and √S Vᵀ (k, in)."""
    u, s, vh = torch.linalg.svd(weight, full_matrices=False)
    root = s.sqrt()
    return u * root, root[:, None] * vh


def _qr(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Q (out, k) and R (k, in)."""
    q, r = torch.linalg.qr(weight)
    return q, r


def _start(init: Init, shape: tuple[int, ...], found: tuple[Tensor, Tensor]) -> Tensor:
    columns, rows = found
    value = rows[: shape[0]] if init.kind.endswith("rows") else columns[:, : shape[1]]
    return value / math.sqrt(init.arguments[0]) if init.arguments else value
