"""A measured circuit as an evaluator: values by a service, gradients by values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.services import ServiceNotPickled
from qcompile.executors.measured.gradients import SHIFT, Gradient
from qcompile.executors.measured.program import MeasuredProgram, measured_program
from qcompile.executors.measured.service import Placed, Service
from qcompile.executors.measured.settings import settings
from qcompile.executors.measured.values import Values
from qcompile.ir.circuit import Circuit

Measure = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingPart:
    """One measurement setting of a circuit, where it runs, and which outputs it gives."""

    program: MeasuredProgram
    physical: tuple[int, ...] | None
    outputs: tuple[int, ...]


def logical_parts(circuit: Circuit) -> tuple[SettingPart, ...]:
    """The settings of a circuit that starts in |0…0⟩, for no device in particular."""
    return tuple(
        SettingPart(
            program=measured_program(setting.circuit), physical=None, outputs=setting.outputs
        )
        for setting in settings(circuit)
    )


class MeasuredEvaluator:
    """data (B, data_width), angles (angle_count,) or None → (B, outputs), in the data's dtype.

    Bindings are computed in float64, whatever the dtype of the data. Gradients are those of a
    first derivative; a second derivative is refused by torch. SPSA draws its directions from
    torch's generator of the CPU.

    A copy shares the service. It is not pickled, since a service may hold credentials.
    """

    def __init__(
        self, parts: Sequence[SettingPart], service: Service, gradient: Gradient = SHIFT
    ) -> None:
        self.parts = tuple(parts)
        self.service = service
        self.gradient = gradient
        self._circuits = [_MeasuredPart(part, service, gradient) for part in self.parts]
        order = [output for part in self.parts for output in part.outputs]
        self._places = torch.tensor(order).argsort()

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor:
        rows = data.to("cpu", torch.float64)
        turns = torch.zeros(0) if angles is None else angles
        turns = turns.to("cpu", torch.float64)
        values = torch.cat([circuit(rows, turns) for circuit in self._circuits], 1)
        return values.index_select(1, self._places).to(data)

    def __deepcopy__(self, memo: dict[int, Any]) -> MeasuredEvaluator:
        return self

    def __reduce__(self) -> NoReturn:
        raise AdapterError(ServiceNotPickled(service=self.service.name))


class _MeasuredPart:
    """data (B, data_width), angles (angle_count,), both float64 → (B, outputs of the setting)."""

    def __init__(self, part: SettingPart, service: Service, gradient: Gradient) -> None:
        program = part.program
        self.slots = program.slots
        self.gradient = gradient
        self.values = Values(service, Placed(circuit=program.circuit, physical=part.physical))
        count = len(program.slots)
        self._constant = torch.zeros(count, dtype=torch.float64)
        self._of_data = torch.zeros(program.data_width, count, dtype=torch.float64)
        self._of_angles = torch.zeros(program.angle_count, count, dtype=torch.float64)
        for number, slot in enumerate(program.slots):
            self._constant[number] = slot.angle.constant
            for index, factor in slot.angle.data:
                self._of_data[index, number] = factor
            for index, factor in slot.angle.angles:
                self._of_angles[index, number] = factor

    def __call__(self, data: Tensor, angles: Tensor) -> Tensor:
        values: Tensor
        if self.gradient.method == "spsa":
            values = _Simultaneous.apply(  # type: ignore[no-untyped-call]
                data, angles, self._bindings, self.values, self.gradient
            )
            return values
        wanted = tuple(
            slot.rule if slot.serves(data=data.requires_grad, angles=angles.requires_grad) else ()
            for slot in self.slots
        )
        values = _Shifted.apply(  # type: ignore[no-untyped-call]
            self._bindings(data, angles), wanted, self.values
        )
        return values

    def _bindings(self, data: Tensor, angles: Tensor) -> Tensor:
        """(B, slots): what every slot is, by which torch knows the chain rule."""
        turns = angles @ self._of_angles if len(self._of_angles) else 0.0
        return self._constant + data @ self._of_data + turns


class _Shifted(Function):
    """bindings (B, slots) → (B, outputs)."""

    @staticmethod
    def forward(ctx: Any, bindings: Tensor, rules: tuple[Any, ...], measure: Measure) -> Tensor:
        ctx.save_for_backward(bindings)
        ctx.rules, ctx.measure = rules, measure
        return torch.from_numpy(measure(bindings.numpy(force=True)))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (bindings,) = ctx.saved_tensors
        shifts = [
            (slot, shift, weight) for slot, rule in enumerate(ctx.rules) for shift, weight in rule
        ]
        found = torch.zeros_like(bindings)
        if not shifts:
            return found, None, None
        moved = bindings.unsqueeze(0).repeat(len(shifts), 1, 1)
        for number, (slot, shift, _) in enumerate(shifts):
            moved[number, :, slot] += shift
        values = torch.from_numpy(ctx.measure(moved.flatten(0, 1).numpy()))
        along = (values.reshape(len(shifts), *gradient.shape) * gradient).sum(-1)
        for number, (slot, _, weight) in enumerate(shifts):
            found[:, slot] += weight * along[number]
        return found, None, None


class _Simultaneous(Function):
    """data (B, data_width), angles (angle_count,) → (B, outputs)."""

    @staticmethod
    def forward(
        ctx: Any,
        data: Tensor,
        angles: Tensor,
        bindings: Callable[[Tensor, Tensor], Tensor],
        measure: Measure,
        settings: Gradient,
    ) -> Tensor:
        ctx.save_for_backward(data, angles)
        ctx.bindings, ctx.measure, ctx.settings = bindings, measure, settings
        return torch.from_numpy(measure(bindings(data, angles).numpy(force=True)))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        data, angles = ctx.saved_tensors
        step, repeats = ctx.settings.step, ctx.settings.repeats
        moves_data, moves_angles = ctx.needs_input_grad[:2]
        shape = (repeats, data.shape[0])
        on_data = _signs(*shape, data.shape[1]) * moves_data
        on_angles = _signs(*shape, angles.shape[0]) * moves_angles
        moved = [
            ctx.bindings(data + side * step * on_data, angles + side * step * on_angles)
            for side in (1.0, -1.0)
        ]
        values = torch.from_numpy(ctx.measure(torch.stack(moved).flatten(0, 2).numpy()))
        up, down = values.reshape(2, *shape, -1)
        # The inverse of a sign is the sign.
        along = ((up - down) * gradient).sum(-1, keepdim=True) / (2 * step * repeats)
        return (
            (along * on_data).sum(0) if moves_data else None,
            (along * on_angles).sum((0, 1)) if moves_angles else None,
            None,
            None,
            None,
        )


def _signs(*shape: int) -> Tensor:
    return torch.randint(0, 2, shape).to(torch.float64) * 2 - 1
