"""What holds for every device, whoever describes it."""

from __future__ import annotations

from qcompile.ir.device import Device
from qcompile.ir.gates import GATE_NAMES


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
    return None
