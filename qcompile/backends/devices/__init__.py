"""Devices by name or coupling map."""

from __future__ import annotations

from qcompile.backends.devices.calibration import calibration_files
from qcompile.backends.devices.registry import list_devices, load_device

__all__ = ["calibration_files", "list_devices", "load_device"]
