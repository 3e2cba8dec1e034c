"""Devices by name, coupling map, file, or as Qiskit and pytket describe them."""

from __future__ import annotations

from qcompile.backends.devices.anything import device_of
from qcompile.backends.devices.calibration import calibration_files
from qcompile.backends.devices.files import device_text
from qcompile.backends.devices.registry import list_devices, load_device
from qcompile.backends.devices.synthetic import synthetic_device

__all__ = [
    "calibration_files",
    "device_of",
    "device_text",
    "list_devices",
    "load_device",
    "synthetic_device",
]
