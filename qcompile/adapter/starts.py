"""Start values from the modules that an adapter is attached to: from their weights, by themselves,
or from what `calibration.py` has learned of them."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from qcompile.adapter.statistics import covariance_factors
from qcompile.backends.simulator.base import ModuleBase
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.messages.calibration import NotCalibrated, StartNotRead
from qcompile.ir.compilation import Site
from qcompile.ir.initialisation import Init
from qcompile.ir.tensor import TensorSpec


def waiting(part: AdapterModule) -> tuple[TensorSpec, ...]:
    """The tensors that the module has not started yet: they hold NaN alone."""
    return tuple(
        tensor
        for tensor in part.plan.tensors
        if (tensor.init.from_module or tensor.init.file) and _unset(part.get_parameter(tensor.name))
    )


def waits_for_weight(part: AdapterModule) -> bool:
    """Whether tensors wait for the module's weight as numbers."""
    return any(tensor.init.start in ("weight", "covariance") for tensor in waiting(part))


def waits_for_data(site: Site, part: AdapterModule) -> NotCalibrated | StartNotRead | None:
    """What to say of a part with tensors that wait for more than the weight."""
    for tensor in waiting(part):
        adapter, module, name, init = site.adapter, site.module, tensor.name, tensor.init
        if init.file is not None:
            path = init.file.path
            return StartNotRead(adapter=adapter, module=module, tensor=name, file=path)
        if init.start != "weight":
            return NotCalibrated(adapter=adapter, module=module, tensor=name, init=init.kind)
    return None


def start_from_weight(part: AdapterModule, base: nn.Module, tensors: Iterable[TensorSpec]) -> None:
    """Give those of `tensors` their start values that the weight of `base` says.

    Decompositions are computed in float32, in float64 for a weight in it, once for each module. A
    weight without values (meta device) starts nothing. PiSSA, arXiv:2404.02948, and OLoRA,
    arXiv:2406.01775.

    Raises:
        AdapterError: QA6024.
    """
    tensors = tuple(tensor for tensor in tensors if tensor.init.start == "weight")
    if not tensors:
        return
    weight = weight_of(base, part)
    if not weight.is_meta:
        put_starts(part, tensors, {"weight": weight})


def weight_of(base: nn.Module, part: AdapterModule) -> Tensor:
    """(out_features, in_features), in float32 or wider.

    Raises:
        AdapterError: QA6024.
    """
    weight = ModuleBase(base, torch.float32, part.plan.adapter, part.site).weight()
    return weight.to(torch.promote_types(weight.dtype, torch.float32))


def put_starts(
    part: AdapterModule, tensors: Iterable[TensorSpec], known: dict[str, Tensor]
) -> None:
    """Give tensors their start values.

    Args:
        part: Whose tensors.
        tensors: Those of which everything is known.
        known: What is known of the module: its `weight` (out, in), the principal directions of its
            inputs, `activation` (k, in), their products, `covariance` (in, in), the `gradient` of
            its weight (out, in) and the `residual` of quantising it (out, in).
    """
    found: dict[str, tuple[Tensor, Tensor]] = {}
    with torch.no_grad():
        for tensor in tensors:
            family = tensor.init.kind.rpartition("_")[0].removeprefix("minor_")
            if family not in found:
                found[family] = _factors(family, known)
            value = _start(tensor.init, tensor.shape, found[family])
            part.get_parameter(tensor.name).copy_(value)


def forget_starts(part: AdapterModule, tensors: Iterable[TensorSpec]) -> None:
    """Let tensors wait for the module again."""
    with torch.no_grad():
        for tensor in tensors:
            part.get_parameter(tensor.name).fill_(math.nan)


def _unset(value: Tensor) -> bool:
    return not value.is_meta and bool(value.isnan().all())


def _factors(family: str, known: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Columns (out, k) and rows (k, in), the most important first."""
    match family:
        case "qr":
            q, r = torch.linalg.qr(known["weight"])
            return q, r
        case "activation":
            rows = known["activation"]
            return rows.T, rows
        case "covariance":
            return covariance_factors(known["weight"], known["covariance"])
        case "gradient":
            u, _, vh = torch.linalg.svd(known["gradient"], full_matrices=False)
            stable = len(u) ** 0.25
            return stable * u, stable * vh
        case _:
            matrix = known["weight" if family == "principal" else family]
            u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
            root = s.sqrt()
            return u * root, root[:, None] * vh


def _start(init: Init, shape: tuple[int, ...], found: tuple[Tensor, Tensor]) -> Tensor:
    columns, rows = found
    factors = rows if init.rows else columns.T
    rank = shape[0] if init.rows else shape[1]
    first = 0
    if init.kind.startswith("minor_"):
        first = len(factors) - rank
    elif init.kind == "gradient_columns":
        first = rank
    value = factors[first : first + rank]
    if init.arguments:
        value = value / math.sqrt(init.arguments[0])
    return value if init.rows else value.T
