"""exp(iφ) · ψ on real pairs, with a backward pass that makes no intermediate copies."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def rotate_state(state: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """(rows, 2, 2^n, B) times cosine + i sine, each (rows, 2^n, B or 1)."""
    if torch.compiler.is_compiling():
        # Compilers fuse the plain form.
        return _plain(state, cosine, sine)
    result: Tensor = _Rotation.apply(state, cosine, sine)  # type: ignore[no-untyped-call]
    return result


def _plain(state: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    real, imaginary = state.unbind(1)
    return torch.stack((real * cosine - imaginary * sine, real * sine + imaginary * cosine), 1)


class _Rotation(torch.autograd.Function):
    @staticmethod
    def forward(state: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        # Two sweeps and one allocation.
        result = state * cosine.unsqueeze(1)
        result[:, 0].addcmul_(state[:, 1], sine, value=-1)
        result[:, 1].addcmul_(state[:, 0], sine)
        return result

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], state: Tensor, cosine: Tensor, sine: Tensor
    ) -> tuple[Tensor, int]:
        # In-place operations have no batching rules.
        return torch.func.vmap(_plain, in_dims)(state, cosine, sine), 0

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        state, cosine, sine = ctx.saved_tensors
        of_state = rotate_state(grad, cosine, -sine) if ctx.needs_input_grad[0] else None
        if not ctx.needs_input_grad[1]:
            return of_state, None, None
        a, b = state.unbind(1)
        c, d = grad.unbind(1)
        if torch.is_grad_enabled():
            slopes = a * c + b * d, a * d - b * c
        else:
            slopes = (a * c).addcmul_(b, d), (a * d).addcmul_(b, c, value=-1)
        if cosine.shape[-1] == 1 and state.shape[-1] != 1:
            # Dot products over the tokens: as batched products of one row and one column they
            # would take three times as long.
            slopes = slopes[0].sum(-1, keepdim=True), slopes[1].sum(-1, keepdim=True)
        return of_state, *slopes

    @staticmethod
    def jvp(
        ctx: Any, of_state: Tensor | None, of_cosine: Tensor | None, of_sine: Tensor | None
    ) -> Tensor:
        state, cosine, sine = ctx.saved_tensors
        total = torch.zeros_like(state)
        if of_state is not None:
            total = total + _plain(of_state, cosine, sine)
        if of_cosine is not None and of_sine is not None:
            total = total + _plain(state, of_cosine, of_sine)
        return total
