"""Penalties and proximal operators on tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import torch
from torch import Tensor
from torch.nn.functional import softshrink

from qcompile.backends.simulator.sharded import gathered, own_shard
from qcompile.ir.training import Penalty, Proximal


def penalty(term: Penalty, tensors: Sequence[Tensor]) -> Tensor:
    """factor · kind over all elements of the tensors, 0-dim, at least float32, differentiable."""
    full = [gathered(tensor) for tensor in tensors]
    wide = [tensor.to(torch.promote_types(tensor.dtype, torch.float32)) for tensor in full]
    match term.kind:
        case "l1" | "mean_abs":
            total = sum((tensor.abs().sum() for tensor in wide), wide[0].new_zeros(()))
        case "l2":
            total = sum((tensor.square().sum() for tensor in wide), wide[0].new_zeros(()))
        case _:
            assert_never(term.kind)
    count = sum(tensor.numel() for tensor in tensors) if term.kind == "mean_abs" else 1
    return total * (term.factor / count)


def apply_proximal(term: Proximal, tensors: Sequence[Tensor], strength: float) -> None:
    """Replace the tensors in place; `strength` multiplies the threshold."""
    with torch.no_grad():
        for tensor in tensors:
            match term.kind:
                case "soft_threshold":
                    # Elementwise, so that each process does its own shard.
                    own = own_shard(tensor)
                    own.copy_(softshrink(own, term.threshold * strength))
                case _:
                    assert_never(term.kind)
