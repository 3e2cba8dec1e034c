"""Devices by name or coupling map."""

from __future__ import annotations

from qcompile.backends.devices.registry import list_devices, load_device

__all__ = ["list_devices", "load_device"]
