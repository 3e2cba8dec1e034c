"""When a device was calibrated, and how long ago."""

from __future__ import annotations

from datetime import UTC, datetime

from qcompile.backends.devices.registry import PREFIX
from qcompile.diagnostics.messages.devices import OldCalibration
from qcompile.diagnostics.source import Span
from qcompile.ir.device import Device

LONGEST_AGE = 7
"""Days. Devices are calibrated about daily; errors of single couplings change by a factor within
days."""


def utc_now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


def calibration_time(device: Device) -> datetime | None:
    """With its zone, UTC where none is stated; None where there is no date."""
    if device.calibrated is None:
        return None
    try:
        found = datetime.fromisoformat(device.calibrated)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def old_calibration(
    device: Device, now: datetime, span: Span | None = None
) -> OldCalibration | None:
    """What there is to say of a device that was calibrated more than `LONGEST_AGE` days ago.

    Nothing of the devices that are snapshots by intent.
    """
    then = None if device.name.startswith(PREFIX) else calibration_time(device)
    days = 0 if then is None else (now - then).days
    if days <= LONGEST_AGE:
        return None
    return OldCalibration(
        device=device.name, calibrated=str(device.calibrated), days=days, span=span
    )


def same_calibration(one: Device, other: Device) -> bool:
    """Whether two descriptions of a device are of one calibration.

    By the date where both have one: figures of two sources differ in their last digits.
    """
    if one.calibrated is not None and other.calibrated is not None:
        return calibration_time(one) == calibration_time(other)
    return one == other
