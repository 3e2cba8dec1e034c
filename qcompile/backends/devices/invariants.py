"""What holds for every device, whoever describes it."""

from __future__ import annotations

import math

from qcompile.ir.device import Device
from qcompile.ir.gates import GATE_NAMES, GATES


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
    if device.readout_errors and len(device.readout_errors) != device.qubits:
        return "read-out errors are not given for every qubit"
    if not all(0.0 <= rate <= 1.0 for pair in device.readout_errors for rate in pair):
        return "a read-out error is outside [0, 1]"
    return _defect_of_gates(device) or _defect_of_times(device)


def _defect_of_gates(device: Device) -> str | None:
    edges = set(device.edges)
    places = [(gate.name, gate.qubits) for gate in device.gates]
    if places != sorted(set(places)):
        return "its gates are not sorted, or repeated"
    for gate in device.gates:
        where = f"its gate {gate.name} on {list(gate.qubits)}"
        if gate.name not in device.native:
            return f"{where} is not among its native gates"
        if len(gate.qubits) != GATES[gate.name].qubits:
            return f"{where} has another number of qubits"
        if len(gate.qubits) == 1 and not 0 <= gate.qubits[0] < device.qubits:
            return f"{where} is on no qubit of it"
        if len(gate.qubits) == 2 and tuple(sorted(gate.qubits)) not in edges:
            return f"{where} is on no coupling of it"
        if gate.error is not None and not 0.0 <= gate.error < 1.0:
            return f"{where} has an error outside [0, 1)"
        if not _is_time(gate.duration):
            return f"{where} has a duration that is negative or no number"
    pairs = {gate.qubits for gate in device.gates if len(gate.qubits) == 2}
    for a, b in device.edges if device.gates else ():
        if not {(a, b), (b, a)} & pairs:
            return f"its coupling {a}-{b} has no gate"
    return None


def _defect_of_times(device: Device) -> str | None:
    for what, values in (
        ("read-out durations", device.readout_durations),
        ("relaxation times", device.relaxation),
    ):
        if values and len(values) != device.qubits:
            return f"{what} are not given for every qubit"
    if not all(map(_is_time, device.readout_durations)):
        return "a read-out duration is negative or no number"
    for qubit, (t1, t2) in enumerate(device.relaxation):
        if 0.0 in (t1, t2) or not (_is_time(t1) and _is_time(t2)):
            return f"a relaxation time of qubit {qubit} is not positive"
        if t1 is not None and t2 is not None and t2 > 2 * t1:
            return f"T2 of qubit {qubit} is greater than 2 T1, which no channel allows"
    for name, low, high in device.angle_bounds:
        if name not in device.native or GATES[name].angles == 0 or not -7.0 <= low <= high <= 7.0:
            return f"the bounds of the angles of {name} are none"
    if device.dt is not None and not (_is_time(device.dt) and device.dt > 0.0):
        return "its dt is not positive"
    return None


def _is_time(seconds: float | None) -> bool:
    return seconds is None or (math.isfinite(seconds) and seconds >= 0.0)
