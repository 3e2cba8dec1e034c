"""Derivatives of measured values by values, as functions of torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from qcompile.executors.measured.gradients import Gradient
from qcompile.executors.measured.shift_rules import ShiftRule


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftedPoints:
    """Where one circuit is evaluated."""

    bindings: Tensor
    """(K, slots), without the angles of the state."""
    amplitudes: Tensor
    """(K, width) of the state."""


Measure = Callable[[Sequence[ShiftedPoints]], list[Tensor]]
"""Points of every circuit → of each (K, outputs), in one call."""


class Shifted(Function):
    """Of every circuit its bindings (B, slots), of all amplitudes (B, width) → (B, all outputs)."""

    @staticmethod
    def forward(
        ctx: Any,
        amplitudes: Tensor,
        rules: Sequence[Sequence[ShiftRule]],
        measure: Measure,
        *bindings: Tensor,
    ) -> Tensor:
        """`rules` has that of each slot of each circuit, empty where no gradient is wanted."""
        found = measure([ShiftedPoints(bindings=rows, amplitudes=amplitudes) for rows in bindings])
        ctx.save_for_backward(amplitudes, *found, *bindings)
        ctx.rules, ctx.measure = rules, measure
        return torch.cat(found, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        amplitudes, *saved = ctx.saved_tensors
        values, bindings = saved[: len(ctx.rules)], saved[len(ctx.rules) :]
        of_state = bool(ctx.needs_input_grad[0] and amplitudes.shape[1])
        steps = _Steps(amplitudes) if of_state else None
        moves = [_Moves(*pair, amplitudes) for pair in zip(ctx.rules, bindings, strict=True)]
        points = [move.points(rows, steps) for move, rows in zip(moves, bindings, strict=True)]
        measured = ctx.measure(points) if any(len(p.bindings) for p in points) else None
        if measured is None:
            return (None, None, None, *(torch.zeros_like(rows) for rows in bindings))
        own = torch.split(gradient, [found.shape[1] for found in values], 1)
        along = [
            move.along(rows[: move.count], grad)
            for move, rows, grad in zip(moves, measured, own, strict=True)
        ]
        if steps is None:
            return (None, None, None, *along)
        around = [rows[move.count :] for move, rows in zip(moves, measured, strict=True)]
        return (
            steps.along(torch.cat(around, 1), torch.cat(values, 1), gradient),
            None,
            None,
            *along,
        )


class _Moves:
    """The shifts of one circuit's slots."""

    def __init__(self, rules: Sequence[ShiftRule], bindings: Tensor, amplitudes: Tensor) -> None:
        self.shifts = [
            (slot, shift, weight) for slot, rule in enumerate(rules) for shift, weight in rule
        ]
        self.bindings, self.amplitudes = bindings, amplitudes
        self.count = len(self.shifts) * len(bindings)

    def points(self, rows: Tensor, steps: _Steps | None) -> ShiftedPoints:
        moved = rows.unsqueeze(0).repeat(len(self.shifts), 1, 1)
        for number, (slot, shift, _) in enumerate(self.shifts):
            moved[number, :, slot] += shift
        bindings = moved.flatten(0, 1)
        amplitudes = self.amplitudes.repeat(len(self.shifts), 1)
        if steps is None:
            return ShiftedPoints(bindings=bindings, amplitudes=amplitudes)
        return ShiftedPoints(
            bindings=torch.cat([bindings, rows.repeat(2 * steps.width, 1)]),
            amplitudes=torch.cat([amplitudes, steps.moved.flatten(0, 2)]),
        )

    def along(self, measured: Tensor, gradient: Tensor) -> Tensor:
        """(B, slots) of measured (shifts · B, outputs)."""
        found = torch.zeros_like(self.bindings)
        if self.shifts:
            along = (measured.reshape(len(self.shifts), *gradient.shape) * gradient).sum(-1)
            for number, (slot, _, weight) in enumerate(self.shifts):
                found[:, slot] += weight * along[number]
        return found


class _Steps:
    """Derivatives along amplitudes (B, width), by f(z) = zᵀ H z / ‖z‖² alone.

    4 (H z)_j is ‖z + e_j‖² f(z + e_j) - ‖z - e_j‖² f(z - e_j) for a normalised z, also where
    amplitudes are zero, at which the angles that make the state have no derivatives. f does not
    depend on a row of zeros, which is |0…0⟩.
    """

    def __init__(self, amplitudes: Tensor) -> None:
        largest = amplitudes.abs().amax(1, keepdim=True)
        scaled = amplitudes / torch.where(largest > 0, largest, 1.0)
        norm = torch.linalg.vector_norm(scaled, dim=1, keepdim=True)
        self.unit = scaled / torch.where(norm > 0, norm, 1.0)
        self.lengths = norm * largest
        self.width = amplitudes.shape[1]
        steps = torch.eye(self.width, dtype=self.unit.dtype).unsqueeze(1)
        self.moved = torch.stack([self.unit + steps, self.unit - steps])
        """(2, width, B, width)."""

    def along(self, measured: Tensor, values: Tensor, gradient: Tensor) -> Tensor:
        """(B, width) of measured (2 · width · B, outputs)."""
        squares = self.moved.square().sum(-1, keepdim=True)
        up, down = (measured.reshape(*self.moved.shape[:-1], -1) * squares).unbind(0)
        # (width, B, outputs): 2 (H z)_j - 2 z_j f(z), which is the gradient on the unit sphere.
        along = (up - down) / 2 - 2 * self.unit.T.unsqueeze(-1) * values
        found = (along * gradient).sum(-1).T
        some = self.lengths > 0
        return torch.where(some, found / torch.where(some, self.lengths, 1.0), 0.0)


class Simultaneous(Function):
    """data (B, data_width), angles (angle_count,) → (B, all outputs)."""

    @staticmethod
    def forward(
        ctx: Any,
        data: Tensor,
        angles: Tensor,
        measure: Callable[[Tensor, Tensor], Tensor],
        settings: Gradient,
    ) -> Tensor:
        """`measure` takes rows of data and, for each, angles: (K, data_width), (K, angle_count)."""
        ctx.save_for_backward(data, angles)
        ctx.measure, ctx.settings = measure, settings
        return measure(data, angles.expand(len(data), -1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        data, angles = ctx.saved_tensors
        step, repeats = ctx.settings.step, ctx.settings.repeats
        moves_data, moves_angles = ctx.needs_input_grad[:2]
        shape = (repeats, data.shape[0])
        on_data = _signs(*shape, data.shape[1]) * moves_data
        on_angles = _signs(*shape, angles.shape[0]) * moves_angles
        sides = torch.tensor([step, -step], dtype=torch.float64).reshape(2, 1, 1, 1)
        rows, turns = data + sides * on_data, angles + sides * on_angles
        measured = ctx.measure(rows.flatten(0, 2), turns.flatten(0, 2))
        up, down = measured.reshape(2, *shape, -1)
        # The inverse of a sign is the sign.
        along = ((up - down) * gradient).sum(-1, keepdim=True) / (2 * step * repeats)
        return (
            (along * on_data).sum(0) if moves_data else None,
            (along * on_angles).sum((0, 1)) if moves_angles else None,
            None,
            None,
        )


def _signs(*shape: int) -> Tensor:
    return torch.randint(0, 2, shape).to(torch.float64) * 2 - 1
