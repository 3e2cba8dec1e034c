"""Devices from Qiskit's `Target` and `BackendV2`; nothing of Qiskit is imported."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import permutations
from typing import Any

from qcompile.backends.devices.measured import (
    MeasuredDevice,
    better_than_guessing,
    native_name,
    working_device,
)
from qcompile.ir.device import VIRTUAL, Device, NativeGate
from qcompile.ir.gates import GATES, GateName

IBM = "ibm_"
"""Names of IBM's machines. Their rzz takes angles from 0 to π/2, also where no Target says it."""

QUARTER = (0.0, math.pi / 2)

RANGES = ((0.0, math.pi), (-math.pi / 2, math.pi / 2), QUARTER, (math.pi / 2, math.pi / 2))
"""Bounds that are tried; a Target tells only whether an angle is within its own."""


def device_from_backend(backend: Any) -> Device:
    """The device of a `BackendV2`, with what its `properties()` add to its Target.

    Raises:
        CompileError: QA4203, QA4204.
    """
    properties = _properties(backend)
    date = getattr(properties, "last_update_date", None)
    return device_from_target(
        backend.target,
        str(getattr(backend, "name", None) or type(backend).__name__),
        calibrated=None if date is None else str(getattr(date, "isoformat", lambda: date)()),
        properties=properties,
    )


def device_from_target(
    target: Any, name: str, *, calibrated: str | None = None, properties: Any = None
) -> Device:
    """The device that a `Target` describes.

    Args:
        target: Errors and durations are those of its instructions; of reading, those of `measure`,
            whose error counts for both values.
        name: What the device is called.
        calibrated: Date of the calibration, ISO 8601.
        properties: `BackendProperties`, which know the errors of reading 0 and 1 apart.

    Raises:
        CompileError: QA4203, QA4204.
    """
    qubits = int(target.num_qubits or 0)
    read = [_of(target, "measure", (qubit,)) for qubit in range(qubits)]
    per_qubit = target.qubit_properties or [None] * qubits
    readings = [_reading(properties, qubit, read[qubit][0]) for qubit in range(qubits)]
    return working_device(
        MeasuredDevice(
            name=name,
            qubits=qubits,
            gates=tuple(_gates(target, qubits)),
            readout_errors=tuple(readings),
            readout_durations=tuple(duration for _, duration in read),
            relaxation=tuple(
                (getattr(entry, "t1", None), getattr(entry, "t2", None)) for entry in per_qubit
            ),
            dt=target.dt,
            calibrated=calibrated,
            angle_bounds=tuple(_bounds(target, name)),
        )
    )


def _properties(backend: Any) -> Any:
    """Its `BackendProperties`; None where it has none, which back ends say in several ways."""
    try:
        return backend.properties()
    except (AttributeError, NotImplementedError, TypeError):
        return None


def _gates(target: Any, qubits: int) -> Iterator[NativeGate]:
    for operation in target.operation_names:
        name = native_name(operation)
        if name is None:
            continue
        for places in target[operation] or {None: None}:
            if places is not None:
                error, duration = _of(target, operation, places)
                yield NativeGate(name=name, qubits=tuple(places), error=error, duration=duration)
            else:
                # An operation without places is on all qubits.
                for everywhere in permutations(range(qubits), GATES[name].qubits):
                    yield NativeGate(name=name, qubits=everywhere)


def _of(target: Any, operation: str, places: tuple[int, ...]) -> tuple[float | None, float | None]:
    """(error, duration) of an operation; None where the Target has none."""
    if operation not in target.operation_names:
        return None, None
    found = (target[operation] or {}).get(places)
    return getattr(found, "error", None), getattr(found, "duration", None)


def _bounds(target: Any, backend: str) -> Iterator[tuple[GateName, float, float]]:
    """Of gates that do not take every angle: fixed in the Target, bounded by it, or known."""
    for operation in target.operation_names:
        name = native_name(operation)
        if name is None or name in VIRTUAL or GATES[name].angles != 1:
            continue
        fixed: tuple[Any, ...] = tuple(getattr(target.operation_from_name(operation), "params", ()))
        if len(fixed) == 1 and isinstance(fixed[0], (int, float)):
            yield name, float(fixed[0]), float(fixed[0])
        elif _has_bounds(target, operation):
            inside = target.supported_angle_bound
            for low, high in RANGES:
                if all(inside(operation, [angle]) for angle in (low, (low + high) / 2, high)):
                    yield name, low, high
                    break
        elif name == "rzz" and backend.startswith(IBM):
            yield name, *QUARTER


def _has_bounds(target: Any, operation: str) -> bool:
    # Before Qiskit 2.2 no Target has them.
    asked = getattr(target, "gate_has_angle_bounds", None)
    return asked is not None and bool(asked(operation))


def _reading(properties: Any, qubit: int, overall: float | None) -> tuple[float, float] | None:
    """(P(read 1 | is 0), P(read 0 | is 1)), or None where unknown or worse than guessing."""
    listed = getattr(properties, "qubits", ())
    entries = listed[qubit] if qubit < len(listed) else ()
    rates = {str(entry.name): float(entry.value) for entry in entries}
    overall = rates.get("readout_error", overall)
    return better_than_guessing(
        rates.get("prob_meas1_prep0", overall), rates.get("prob_meas0_prep1", overall)
    )
