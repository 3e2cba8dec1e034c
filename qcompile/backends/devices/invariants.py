"""What holds for every device, whoever describes it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime

from qcompile.backends.devices.measured import (
    SHORTEST_SAMPLE,
    MeasuredDevice,
    possible_sample,
)
from qcompile.ir.device import VIRTUAL, Device
from qcompile.ir.gates import GATE_NAMES, GATES, GateName
from qcompile.ir.limits import MAX_DEVICE_QUBITS

WIDEST = 7.0
"""Radians, a little more than a whole turn: bounds of angles are within."""


def defect(device: Device) -> str | None:
    """The first thing wrong with a device's description, or None."""
    pairs = set(device.edges)
    places: set[tuple[int, ...]] = {*pairs, *((qubit,) for qubit in range(device.qubits))}
    if device.qubits < 1:
        return "it has no qubits"
    if device.edges != tuple(sorted(pairs)):
        return "its couplings are not sorted, or repeated"
    if not all(0 <= a < b < device.qubits for a, b in device.edges):
        return "its couplings are not pairs (smaller, larger) of its qubits"
    if not set(device.native) <= set(GATE_NAMES):
        return "it lists a native gate that is no gate name"
    if not all(place in places and 0.0 <= rate < 1.0 for place, rate in device.gate_errors):
        return "a gate error is outside [0, 1) or belongs to no qubit or coupling"
    found = [(gate.name, gate.qubits) for gate in device.gates]
    if found != sorted(set(found)):
        return "its gates are not sorted, or repeated"
    for gate in device.gates:
        where = f"gate `{gate.name}` on {list(gate.qubits)}"
        if gate.name not in device.native:
            return f"{where} is not among its native gates"
        if len(gate.qubits) == 2 and tuple(sorted(gate.qubits)) not in pairs:
            return f"{where} is on no coupling of it"
        if gate.error == 1.0:
            return f"{where} has an error of 1: it does not work"
    coupled = {tuple(sorted(gate.qubits)) for gate in device.gates}
    for a, b in device.edges if device.gates else ():
        if (a, b) not in coupled:
            return f"its coupling {a}-{b} has no gate"
    return next(faults_of_figures(_figures(device)), None)


def _figures(device: Device) -> MeasuredDevice:
    return MeasuredDevice(
        name=device.name,
        qubits=device.qubits,
        gates=device.gates,
        readout_errors=device.readout_errors,
        readout_durations=device.readout_durations,
        relaxation=device.relaxation,
        dt=device.dt,
        calibrated=device.calibrated,
        angle_bounds=device.angle_bounds,
    )


LONGEST = 60.0
"""Seconds of a gate or a reading."""


def faults_of_figures(device: MeasuredDevice) -> Iterator[str]:
    """What no device can have: places that are not there, errors that are no probabilities, times
    that are not positive.
    """
    if not device.name.strip() or not device.name.isprintable():
        yield "its name is empty or cannot be printed"
    if not 1 <= device.qubits <= MAX_DEVICE_QUBITS:
        yield f"it has {device.qubits} qubits, not 1 to {MAX_DEVICE_QUBITS}"
        return
    yield from _faults_of_gates(device)
    for what, entries in (
        ("read-out errors", device.readout_errors),
        ("read-out durations", device.readout_durations),
        ("relaxation times", device.relaxation),
    ):
        if entries and len(entries) != device.qubits:
            yield f"{what} are given for {len(entries)} of {device.qubits} qubits"
    for qubit, pair in enumerate(device.readout_errors):
        if pair is not None and not all(0.0 <= rate <= 1.0 for rate in pair):
            yield f"a read-out error of qubit {qubit} is outside [0, 1]"
    for qubit, seconds in enumerate(device.readout_durations):
        if not _is_duration(seconds) or seconds == 0.0:
            yield f"the read-out of qubit {qubit} takes {seconds} seconds"
    for qubit, (t1, t2) in enumerate(device.relaxation):
        if not (_is_time(t1) and _is_time(t2)) or 0.0 in (t1, t2):
            yield f"a relaxation time of qubit {qubit} is not positive"
        elif t1 is not None and t2 is not None and t2 > 2 * t1:
            yield f"T2 of qubit {qubit} is greater than 2 T1, which no channel allows"
    if device.dt is not None and possible_sample(device) is None:
        yield f"its dt is {device.dt}, not {SHORTEST_SAMPLE} seconds up to its shortest duration"
    if device.calibrated is not None and not _is_date(device.calibrated):
        yield f"its date `{device.calibrated}` is none of ISO 8601, such as 2026-04-17"
    for name, low, high in device.angle_bounds:
        if not _is_bounded(name) or not -WIDEST <= low <= high <= WIDEST:
            yield f"{low} and {high} are no bounds of the angles of `{name}`"


def _is_bounded(name: GateName) -> bool:
    """Whether routing keeps a gate to angles: rx, and two-qubit gates with an angle."""
    if name not in GATES.built_in or GATES[name].angles == 0:
        return False
    return name == "rx" or GATES[name].qubits == 2


def _faults_of_gates(device: MeasuredDevice) -> Iterator[str]:
    seen: set[tuple[GateName, tuple[int, ...]]] = set()
    for gate in device.gates:
        where = f"gate `{gate.name}` on {list(gate.qubits)}"
        if gate.name not in GATES.built_in:
            yield f"{where} is no gate of qcompile"
            continue
        inside = all(0 <= qubit < device.qubits for qubit in gate.qubits)
        if len(gate.qubits) != GATES[gate.name].qubits:
            yield f"{where} acts on another number of qubits"
        elif len(set(gate.qubits)) != len(gate.qubits) or not inside:
            yield f"{where} is on qubits that the device does not have"
        elif (gate.name, gate.qubits) in seen:
            yield f"{where} is given twice"
        if gate.error is not None and not 0.0 <= gate.error <= 1.0:
            yield f"{where} has an error of {gate.error}, outside [0, 1]"
        if not _is_duration(gate.duration) or (gate.duration == 0.0 and gate.name not in VIRTUAL):
            yield f"{where} takes {gate.duration} seconds"
        seen.add((gate.name, gate.qubits))


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_time(seconds: float | None) -> bool:
    return seconds is None or (math.isfinite(seconds) and seconds >= 0.0)


def _is_duration(seconds: float | None) -> bool:
    return _is_time(seconds) and (seconds or 0.0) <= LONGEST
