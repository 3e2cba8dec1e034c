"""z / ‖z‖ of each token as the state at the start, in four passes and back in three."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


def unit_states(values: Tensor, dimension: int) -> Tensor:
    """(B, w) → (dimension, B), zero beyond w; |0…0⟩ for z = 0, with gradient 0 there."""
    if torch.compiler.is_compiling() or values.shape[0] == 0:
        # Compilers fuse the plain form.
        return _plain(values, dimension)[0]
    found: tuple[Tensor, Tensor] = _Unit.apply(values, dimension)  # type: ignore[no-untyped-call]
    return found[0]


def _plain(values: Tensor, dimension: int) -> tuple[Tensor, Tensor]:
    """With 1 / ‖z‖, (B,), 0 for z = 0."""
    if values.shape[0] == 0:
        scale = values.new_ones(0, 1)
    else:
        # The squares of tiny and huge values leave the range of float32.
        scale = values.detach().abs().amax(1, keepdim=True)
    empty = scale == 0
    scale = torch.where(empty, 1, scale)
    scaled = values / scale
    inverse = torch.where(empty, 1, scaled.square().sum(1, keepdim=True)).rsqrt()
    unit = torch.nn.functional.pad(scaled * inverse, (0, dimension - values.shape[1]))
    ground = torch.nn.functional.pad(values.new_ones(1, 1), (0, dimension - 1))
    state = torch.where(empty, ground, unit).t().contiguous()
    return state, torch.where(empty, 0, inverse / scale).squeeze(1)


class _Unit(torch.autograd.Function):
    @staticmethod
    def forward(values: Tensor, dimension: int) -> tuple[Tensor, Tensor]:
        width = values.shape[1]
        make = torch.empty if width == dimension else torch.zeros
        state = make(dimension, values.shape[0], dtype=values.dtype, device=values.device)
        scale = torch.linalg.vector_norm(values, math.inf, 1, keepdim=True)
        empty = scale == 0
        scale = torch.where(empty, 1, scale)
        scaled = values / scale
        norm = torch.linalg.vector_norm(scaled, 2, 1, keepdim=True)
        norm = torch.where(empty, 1, norm)
        # The batch comes last, and sweeps work on contiguous runs of tokens.
        torch.div(scaled.t(), norm.t(), out=state[:width])
        state[0].add_(empty.squeeze(1))
        inverse = torch.where(empty, 0, (scale * norm).reciprocal())
        return state, inverse.squeeze(1)

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], values: Tensor, dimension: int
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        # Writing into given memory has no batching rule.
        return torch.func.vmap(_plain, in_dims)(values, dimension), (0, 0)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        values, _ = inputs
        ctx.width = values.shape[1]
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*output)
        ctx.save_for_forward(*output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None, of_inverse: Tensor | None) -> Any:
        state, inverse = ctx.saved_tensors
        unit = state[: ctx.width]
        slope = torch.zeros_like(unit)
        if grad is not None:
            chosen = grad[: ctx.width]
            slope = (chosen - unit * (unit * chosen).sum(0)) * inverse
        if of_inverse is not None:
            slope = slope - unit * (inverse.square() * of_inverse)
        return slope.t(), None

    @staticmethod
    def jvp(ctx: Any, moved: Tensor, _: None) -> tuple[Tensor, Tensor]:
        state, inverse = ctx.saved_tensors
        unit = state[: ctx.width]
        step = moved.t() * inverse
        along = (unit * step).sum(0)
        missing = state.shape[0] - ctx.width
        turned = torch.nn.functional.pad(step - unit * along, (0, 0, 0, missing))
        return turned, -inverse * along
