"""The weight and bias of a module with adapters in it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from qcompile.backends.simulator.module import AdapterModule
from qcompile.ir.hosts import NORM_HOST
from qcompile.models.norms import norm_form
from qcompile.models.weights import as_matrix, as_stored


def merged(
    parts: Sequence[AdapterModule],
    base: nn.Module,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    factors: Sequence[float] = (),
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Weight as `base` stores it, and bias, both in float64, from those of the base module.

    Args:
        parts: Without obstacles.
        base: The module, whose own tensors are not looked at.
        weight: As it stores it.
        bias: (out_features,), or None.
        factors: What multiplies the change that each part makes; without them all are 1.

    Raises:
        AdapterError: QA6006.
    """
    factors = factors or [1.0] * len(parts)
    if parts[0].plan.host == NORM_HOST:
        form = norm_form(base)
        assert form is not None
        return _merged_norm(parts, weight, bias, form.offset, factors)
    matrix, shift = _merged_map(parts, as_matrix(base, weight), bias, factors)
    return as_stored(base, matrix), shift


def _merged_norm(
    parts: Sequence[AdapterModule],
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    offset: float,
    factors: Sequence[float],
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """For a · y + c with y = (w + offset) · v + b: the same of s · y + t."""
    total = weight.detach().double()
    scale = torch.full_like(total, _rest(parts, factors))
    shift = torch.zeros_like(total)
    for part, factor in zip(parts, factors, strict=True):
        own = part.elementwise()
        assert own is not None
        a, c = (value.to(total.device) for value in own)
        scale, shift = scale + factor * a, shift + factor * c
    moved = None if bias is None else scale * bias.detach().double() + shift
    return scale * (total + offset) - offset, moved


def _merged_map(
    parts: Sequence[AdapterModule],
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    factors: Sequence[float],
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Weight (out_features, in_features) and bias of a linear map.

    For updates Δ x + A y with y = W x + b, W + Δ + A W and b + A b; replacements go without the
    first W and b. The bias is None where there is none. Factors are those of `adapted.combined`.

    Raises:
        AdapterError: QA6006.
    """
    total = weight.detach().to(torch.float64)
    rest = _rest(parts, factors)
    matrix = rest * total
    for part, factor in zip(parts, factors, strict=True):
        matrix = matrix + factor * part.merge_weight(total).to(total.device)
    if bias is None:
        return matrix, None
    base = bias.detach().to(torch.float64)
    shift = rest * base
    for part, factor in zip(parts, factors, strict=True):
        if part.plan.reads_module or part.plan.adds_constant:
            shift = shift + factor * part.merge_bias(base, total).to(base.device)
    return matrix, shift


def _rest(parts: Sequence[AdapterModule], factors: Sequence[float]) -> float:
    """What replacements leave of the base."""
    left = [1 - f for p, f in zip(parts, factors, strict=True) if p.plan.mode == "replace"]
    return sum(left) if left else 1.0


def changes_bias(parts: Sequence[AdapterModule]) -> bool:
    """Whether the merged bias is another one."""
    return any(
        part.plan.mode == "replace" or part.plan.reads_module or part.plan.adds_constant
        for part in parts
    )
