"""A measured circuit as an evaluator: values by a service, gradients by values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor

from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.services import ServiceNotPickled
from qcompile.executors.measured.amplitudes import amplitudes_of, in_gates
from qcompile.executors.measured.bindings import Bindings
from qcompile.executors.measured.differentiate import Shifted, ShiftedPoints, Simultaneous
from qcompile.executors.measured.gradients import SHIFT, Gradient
from qcompile.executors.measured.program import MeasuredProgram, measured_program
from qcompile.executors.measured.service import Placed, Service
from qcompile.executors.measured.settings import settings
from qcompile.executors.measured.values import Values
from qcompile.ir.circuit import Circuit


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

    The settings of a circuit are asked for together. Bindings are computed in float64, whatever the
    dtype of the data. Gradients are those of a first derivative; a second derivative is refused by
    torch. SPSA draws its directions from torch's generator of the CPU.

    A copy shares the service. It is not pickled, since a service may hold credentials.
    """

    def __init__(
        self, parts: Sequence[SettingPart], service: Service, gradient: Gradient = SHIFT
    ) -> None:
        self.parts = tuple(parts)
        self.service = service
        self.gradient = gradient
        self._bindings = [Bindings(part.program) for part in self.parts]
        self._values = Values(service, [part.placed for part in self.parts])
        order = [output for part in self.parts for output in part.outputs]
        self._places = torch.tensor(order).argsort()

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor:
        rows = data.to("cpu", torch.float64)
        turns = torch.zeros(0) if angles is None else angles
        values = self._measured(rows, turns.to("cpu", torch.float64))
        return values.index_select(1, self._places).to(data)

    def _measured(self, data: Tensor, angles: Tensor) -> Tensor:
        """(B, outputs), those of one setting after the other."""
        values: Tensor
        if self.gradient.method == "spsa":
            values = Simultaneous.apply(  # type: ignore[no-untyped-call]
                data, angles, self._at, self.gradient
            )
            return values
        needs = {"data": data.requires_grad, "angles": angles.requires_grad}
        wanted = [
            [slot.rule if part.program.serves(slot, **needs) else () for slot in part.program.slots]
            for part in self.parts
        ]
        values = Shifted.apply(  # type: ignore[no-untyped-call]
            self._bindings[0].amplitudes(data),
            wanted,
            self._measure,
            *(bindings.of_gates(data, angles) for bindings in self._bindings),
        )
        return values

    def _measure(self, points: Sequence[ShiftedPoints]) -> list[Tensor]:
        found = self._values(
            [
                own.bindings.numpy(force=True) + bindings.of_amplitudes(own.amplitudes)
                for own, bindings in zip(points, self._bindings, strict=True)
            ]
        )
        return [torch.from_numpy(values) for values in found]

    def _at(self, data: Tensor, angles: Tensor) -> Tensor:
        """(K, outputs) at data (K, data_width), each with angles of its own (K, angle_count)."""
        amplitudes = self._bindings[0].amplitudes(data)
        return torch.cat(
            self._measure(
                [
                    ShiftedPoints(bindings=bindings.of_gates(data, angles), amplitudes=amplitudes)
                    for bindings in self._bindings
                ]
            ),
            1,
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> MeasuredEvaluator:
        return self

    def __reduce__(self) -> NoReturn:
        raise AdapterError(ServiceNotPickled(service=self.service.name))
