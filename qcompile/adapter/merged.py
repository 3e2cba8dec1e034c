"""The weight and bias of a linear map with adapters in it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from qcompile.backends.simulator.module import AdapterModule


def merged(
    parts: Sequence[AdapterModule],
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    factors: Sequence[float] = (),
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Weight (out_features, in_features) and bias in float64, from those of the base module.

    For updates Δ x + A y with y = W x + b, W + Δ + A W and b + A b; replacements go without the
    first W and b. The bias is None where there is none. Factors multiply what each part changes,
    as in `adapted.combined`; without them all are 1.

    Raises:
        AdapterError: QA6006.
    """
    replaces = any(part.plan.mode == "replace" for part in parts)
    total = weight.detach().to(torch.float64)
    factors = factors or [1.0] * len(parts)
    # What a replacement leaves of the base.
    rest = sum(1 - f for part, f in zip(parts, factors, strict=True) if part.plan.mode == "replace")
    rest = rest if replaces else 1.0
    matrix = rest * total
    for part, factor in zip(parts, factors, strict=True):
        matrix = matrix + factor * part.merge_weight(total).to(total.device)
    if bias is None:
        return matrix, None
    base = bias.detach().to(torch.float64)
    shift = rest * base
    for part, factor in zip(parts, factors, strict=True):
        if part.plan.reads_module:
            shift = shift + factor * part.merge_bias(base, total).to(base.device)
    return matrix, shift


def changes_bias(parts: Sequence[AdapterModule]) -> bool:
    """Whether the merged bias is another one."""
    return any(part.plan.mode == "replace" or part.plan.reads_module for part in parts)
