"""|ψ|² on real pairs, with a backward pass of one product."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def squares(state: Tensor) -> Tensor:
    """|ψ|² of (1, parts, 2^n, B): (2^n, B)."""
    parts = state.squeeze(0)
    if torch.compiler.is_compiling():
        # Compilers fuse the plain form.
        return _plain(parts)
    result: Tensor = _Squares.apply(parts)  # type: ignore[no-untyped-call]
    return result


def _plain(parts: Tensor) -> Tensor:
    return parts.square().sum(0)


class _Squares(torch.autograd.Function):
    @staticmethod
    def forward(parts: Tensor) -> Tensor:
        result = parts[0].square()
        for part in parts[1:]:
            result.addcmul_(part, part)
        return result

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], parts: Tensor) -> tuple[Tensor, int]:
        # In-place operations have no batching rules.
        return torch.func.vmap(_plain, in_dims)(parts), 0

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (parts,) = ctx.saved_tensors
        slope: Tensor = parts * (2 * grad)
        return slope

    @staticmethod
    def jvp(ctx: Any, moved: Tensor) -> Tensor:
        (parts,) = ctx.saved_tensors
        found: Tensor = 2 * (parts * moved).sum(0)
        return found
