"""Whether the calibration that circuits were compiled with still is that of the device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qcompile.backends.devices import list_devices, load_device
from qcompile.backends.devices.age import old_calibration, same_calibration, utc_now
from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.devices import OtherCalibration
from qcompile.ir.device import Device
from qcompile.ir.target import NamedDevice
from qcompile.services.open import Opened


def calibration_remarks(
    opened: Opened, where: object, snapshots: Sequence[Device], rerouted: bool
) -> Iterator[Message]:
    """What to say before circuits run.

    Args:
        opened: Where they run.
        where: How that was asked for: by a name the kept description is meant.
        snapshots: The devices that the adapter was compiled for.
        rerouted: Circuits of the plan do not run on the device as it is now.
    """
    device = opened.device
    if device is None:
        return
    compiled = next((found for found in snapshots if found.name == device.name), None)
    present = _installed(device.name) if where == device.name and compiled == device else device
    if compiled is not None and present is not None and not same_calibration(compiled, present):
        yield OtherCalibration(
            device=device.name,
            compiled=compiled.calibrated or "an unknown date",
            present=present.calibrated or "an unknown date",
            rerouted=rerouted,
            simulated=compiled == device,
        )
    if opened.provider.remote:
        old = old_calibration(device, utc_now())
        if old is not None:
            yield old


def _installed(name: str) -> Device | None:
    """As it is known by name now."""
    if name not in list_devices():
        return None
    try:
        return load_device(NamedDevice(name=name))
    except CompileError:
        return None
