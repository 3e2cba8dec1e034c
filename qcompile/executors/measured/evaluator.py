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
from qcompile.executors.measured.amplitudes import amplitudes_of, in_gates, tree_angles
from qcompile.executors.measured.gradients import SHIFT, Gradient
from qcompile.executors.measured.program import MeasuredProgram, measured_program
from qcompile.executors.measured.service import Placed, Service
from qcompile.executors.measured.settings import settings
from qcompile.executors.measured.values import Values
from qcompile.ir.circuit import Circuit

Measure = Callable[[NDArray[np.float64], Tensor], NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingPart:
    """One measurement setting of a circuit, where it runs, and which outputs it gives."""

    program: MeasuredProgram
    physical: tuple[int, ...] | None
    outputs: tuple[int, ...]
    elsewhere: tuple[tuple[int, ...], ...] = ()
    """Further places for copies; see `Placed`."""

    @property
    def placed(self) -> Placed:
        return Placed(
            circuit=self.program.circuit, physical=self.physical, elsewhere=self.elsewhere
        )


def logical_parts(circuit: Circuit) -> tuple[SettingPart, ...]:
    """The settings of a circuit, for no device in particular."""
    return tuple(
        SettingPart(
            program=measured_program(setting.circuit, amplitudes_of(circuit)),
            physical=None,
            outputs=setting.outputs,
        )
        for setting in settings(in_gates(circuit))
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
        self.values = Values(service, part.placed)
        count = len(program.slots)
        self._program = program
        self._constant = torch.zeros(count, dtype=torch.float64)
        inputs = program.tree + program.data_width
        self._of_inputs = torch.zeros(inputs, count, dtype=torch.float64)
        self._of_angles = torch.zeros(program.angle_count, count, dtype=torch.float64)
        for number, slot in enumerate(program.slots):
            self._constant[number] = slot.angle.constant
            for index, factor in slot.angle.data:
                self._of_inputs[index, number] = factor
            for index, factor in slot.angle.angles:
                self._of_angles[index, number] = factor

    def __call__(self, data: Tensor, angles: Tensor) -> Tensor:
        values: Tensor
        if self.gradient.method == "spsa":
            values = _Simultaneous.apply(  # type: ignore[no-untyped-call]
                data, angles, self._bindings, self.values, self.gradient
            )
            return values
        needs = {"data": data.requires_grad, "angles": angles.requires_grad}
        wanted = tuple(
            slot.rule if self._program.serves(slot, **needs) else () for slot in self.slots
        )
        values = _Shifted.apply(  # type: ignore[no-untyped-call]
            self._of_gates(data, angles), self._amplitudes(data), wanted, self._measure
        )
        return values

    def _measure(self, bindings: NDArray[np.float64], amplitudes: Tensor) -> NDArray[np.float64]:
        return self.values(bindings + self._of_state(amplitudes))

    def _bindings(self, data: Tensor, angles: Tensor) -> Tensor:
        """(B, slots): what every slot is."""
        state = torch.from_numpy(self._of_state(self._amplitudes(data)))
        return self._of_gates(data, angles) + state

    def _of_gates(self, data: Tensor, angles: Tensor) -> Tensor:
        """(B, slots) without the angles of the state, by which torch knows the chain rule."""
        turns = angles @ self._of_angles if len(self._of_angles) else 0.0
        return self._constant + data @ self._of_inputs[self._program.tree :] + turns

    def _amplitudes(self, data: Tensor) -> Tensor:
        """(…, width); of width zero where the circuit starts in |0…0⟩."""
        state = self._program.amplitudes
        first, width = (0, 0) if state is None else (state.offset, state.width)
        return data[..., first : first + width]

    def _of_state(self, amplitudes: Tensor) -> NDArray[np.float64]:
        """(…, slots): the part of the angles that make the state."""
        rows, program = amplitudes.numpy(force=True), self._program
        if program.amplitudes is None:
            return np.zeros((*rows.shape[:-1], len(self.slots)))
        angles = tree_angles(rows, program.amplitudes.qubits)
        found: NDArray[np.float64] = angles @ self._of_inputs[: program.tree].numpy()
        return found


class _Shifted(Function):
    """bindings (B, slots), amplitudes (B, width) → (B, outputs)."""

    @staticmethod
    def forward(
        ctx: Any, bindings: Tensor, amplitudes: Tensor, rules: tuple[Any, ...], measure: Measure
    ) -> Tensor:
        values = torch.from_numpy(measure(bindings.numpy(force=True), amplitudes))
        ctx.save_for_backward(bindings, amplitudes, values)
        ctx.rules, ctx.measure = rules, measure
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        bindings, amplitudes, values = ctx.saved_tensors
        found = torch.zeros_like(bindings)
        shifts = [
            (slot, shift, weight) for slot, rule in enumerate(ctx.rules) for shift, weight in rule
        ]
        if shifts:
            moved = bindings.unsqueeze(0).repeat(len(shifts), 1, 1)
            for number, (slot, shift, _) in enumerate(shifts):
                moved[number, :, slot] += shift
            same = amplitudes.repeat(len(shifts), 1)
            shifted = torch.from_numpy(ctx.measure(moved.flatten(0, 1).numpy(), same))
            along = (shifted.reshape(len(shifts), *gradient.shape) * gradient).sum(-1)
            for number, (slot, _, weight) in enumerate(shifts):
                found[:, slot] += weight * along[number]
        of_state = None
        if ctx.needs_input_grad[1] and amplitudes.shape[1]:
            of_state = _of_amplitudes(bindings, amplitudes, values, gradient, ctx.measure)
        return found, of_state, None, None


def _of_amplitudes(
    bindings: Tensor, amplitudes: Tensor, values: Tensor, gradient: Tensor, measure: Measure
) -> Tensor:
    """(B, width), by f(z) = zᵀ H z / ‖z‖² alone.

    4 (H z)_j is ‖z + e_j‖² f(z + e_j) - ‖z - e_j‖² f(z - e_j) for a normalised z, also where
    amplitudes are zero, at which the angles that make the state have no derivatives. f does not
    depend on a row of zeros, which is |0…0⟩.
    """
    largest = amplitudes.abs().amax(1, keepdim=True)
    scaled = amplitudes / torch.where(largest > 0, largest, 1.0)
    norm = torch.linalg.vector_norm(scaled, dim=1, keepdim=True)
    unit = scaled / torch.where(norm > 0, norm, 1.0)
    width = amplitudes.shape[1]
    steps = torch.eye(width, dtype=unit.dtype).unsqueeze(1)
    moved = torch.stack([unit + steps, unit - steps])
    squares = moved.square().sum(-1, keepdim=True)
    rest = bindings.repeat(2 * width, 1).numpy()
    measured = torch.from_numpy(measure(rest, moved.flatten(0, 2)))
    up, down = (measured.reshape(*moved.shape[:-1], -1) * squares).unbind(0)
    # (width, B, outputs): 2 (H z)_j - 2 z_j f(z), which is the gradient on the unit sphere.
    along = (up - down) / 2 - 2 * unit.T.unsqueeze(-1) * values
    found = (along * gradient).sum(-1).T
    lengths = norm * largest
    return torch.where(lengths > 0, found / torch.where(lengths > 0, lengths, 1.0), 0.0)


class _Simultaneous(Function):
    """data (B, data_width), angles (angle_count,) → (B, outputs)."""

    @staticmethod
    def forward(
        ctx: Any,
        data: Tensor,
        angles: Tensor,
        bindings: Callable[[Tensor, Tensor], Tensor],
        measure: Values,
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
