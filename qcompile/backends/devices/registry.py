"""Where devices come from: coupling maps, installed calibration files, entry points."""

from __future__ import annotations

from qcompile.backends.devices.calibration import calibrated_names, read_calibrated
from qcompile.backends.devices.files import read_device_file
from qcompile.backends.devices.invariants import defect
from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.devices import (
    DeviceDataMissing,
    DeviceNameTaken,
    DeviceUnusable,
    UnknownDevice,
)
from qcompile.diagnostics.nearest import nearest
from qcompile.diagnostics.source import Span
from qcompile.ir.device import Device
from qcompile.ir.extensions import ExtensionError, Table
from qcompile.ir.target import CouplingDevice, DeviceChoice, NamedDevice

DEVICES: Table[Device] = Table("qcompile.devices", Device, {}, defect, words=False)
"""Those of other packages: an entry point refers to a device, or to a callable that returns it."""

PREFIX = "fake_"
PACKAGE = "qiskit-ibm-runtime"


def list_devices() -> tuple[str, ...]:
    """Names that `load_device` knows, sorted; no device is loaded."""
    calibrated = (PREFIX + name for name in calibrated_names())
    return tuple(sorted({*calibrated, *DEVICES}))


def load_device(choice: DeviceChoice, span: Span | None = None) -> Device:
    """Return the device that a target names; `span` is what diagnostics point at.

    Raises CompileError for an unknown, unsupported or damaged device.
    """
    match choice:
        case CouplingDevice():
            return _ideal(choice, span)
        case NamedDevice(name=name, file=file):
            return _named(name, span) if file is None else read_device_file(file, name, span)


def _ideal(choice: CouplingDevice, span: Span | None) -> Device:
    inside = all(0 <= a < b < choice.qubits for a, b in choice.edges)
    if choice.qubits < 1 or not inside:
        reason = "its couplings do not fit its qubits"
        raise CompileError(DeviceUnusable(name=choice.label, reason=reason, span=span))
    return Device(
        name=choice.label,
        qubits=choice.qubits,
        edges=tuple(sorted(set(choice.edges))),
        native=choice.native,
    )


def _named(name: str, span: Span | None) -> Device:
    calibrated = calibrated_names()
    try:
        if name in DEVICES:
            if name.startswith(PREFIX) and name.removeprefix(PREFIX) in calibrated:
                one, other = f"the one of {PACKAGE}", "that of another installed package"
                raise CompileError(DeviceNameTaken(name=name, one=one, other=other, span=span))
            return DEVICES[name]
    except ExtensionError as error:
        raise CompileError(error.at(span)) from None
    if name.startswith(PREFIX):
        if not calibrated:
            raise CompileError(DeviceDataMissing(name=name, package=PACKAGE, span=span))
        if name.removeprefix(PREFIX) in calibrated:
            return read_calibrated(name.removeprefix(PREFIX), name, span)
    known = list_devices()
    raise CompileError(UnknownDevice(name=name, candidates=nearest(name, known), span=span))
