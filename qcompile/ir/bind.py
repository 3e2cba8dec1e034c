"""Circuits with numbers in the place of data and trainable angles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qcompile.ir.circuit import Affine, AmplitudeState, Circuit, Gate
from qcompile.ir.device import RoutedCircuit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = Sequence[float] | NDArray[Any]


def bind_circuit(
    circuit: Circuit,
    *,
    data: Numbers | None = None,
    angles: Numbers | None = None,
) -> Circuit:
    """The circuit without the parameters that are given: (data_width,) and (angle_count,).

    Raises:
        ValueError: Values of the wrong number, values that make an angle infinite or NaN, or data
            for an amplitude-encoded state, which no angle holds.
    """
    if data is not None and isinstance(circuit.initial, AmplitudeState):
        raise ValueError("an amplitude-encoded state has no angles")
    for name, values, count in (
        ("data", data, circuit.data_width),
        ("angles", angles, circuit.angle_count),
    ):
        if values is not None and len(values) != count:
            raise ValueError(f"{count} {name} are needed, not {len(values)}")
    gates = tuple(
        Gate(
            name=gate.name,
            qubits=gate.qubits,
            angles=tuple(_bound(angle, data, angles) for angle in gate.angles),
        )
        for gate in circuit.gates
    )
    return replace(
        circuit,
        gates=gates,
        data_width=circuit.data_width if data is None else 0,
        angle_count=circuit.angle_count if angles is None else 0,
    )


def bind_routed(
    routed: RoutedCircuit,
    *,
    data: Numbers | None = None,
    angles: Numbers | None = None,
) -> RoutedCircuit:
    """As `bind_circuit`, for a circuit on a device."""
    return replace(routed, circuit=bind_circuit(routed.circuit, data=data, angles=angles))


def _bound(angle: Affine, data: Numbers | None, angles: Numbers | None) -> Affine:
    constant = angle.constant
    if data is not None:
        constant += sum(factor * float(data[index]) for index, factor in angle.data)
    if angles is not None:
        constant += sum(factor * float(angles[index]) for index, factor in angle.angles)
    if not math.isfinite(constant):
        raise ValueError("an angle is not finite")
    return Affine(
        constant=constant,
        data=angle.data if data is None else (),
        angles=angle.angles if angles is None else (),
    )
