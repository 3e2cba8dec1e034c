"""Where devices come from: coupling maps, installed calibration files, entry points."""

from __future__ import annotations

from qcompile.backends.devices.calibration import calibrated_names, read_calibrated
from qcompile.backends.devices.plugins import load_plugin, plugin_names
from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.devices import DeviceDataMissing, DeviceUnusable, UnknownDevice
from qcompile.diagnostics.nearest import nearest
from qcompile.diagnostics.source import Span
from qcompile.ir.device import Device
from qcompile.ir.gates import GateName
from qcompile.ir.target import CouplingDevice, DeviceChoice, NamedDevice

IDEAL_GATES: tuple[GateName, ...] = ("rz", "sx", "x", "cz")

PREFIX = "fake_"
PACKAGE = "qiskit-ibm-runtime"


def list_devices() -> tuple[str, ...]:
    """Names that `load_device` knows, sorted; no device is loaded."""
    calibrated = (PREFIX + name for name in calibrated_names())
    return tuple(sorted({*calibrated, *plugin_names()}))


def load_device(choice: DeviceChoice, span: Span | None = None) -> Device:
    """Return the device that a target names; `span` is what diagnostics point at.

    Raises CompileError for an unknown, unsupported or damaged device.
    """
    match choice:
        case CouplingDevice():
            return _ideal(choice, span)
        case NamedDevice(name=name):
            return _named(name, span)


def _ideal(choice: CouplingDevice, span: Span | None) -> Device:
    inside = all(0 <= a < b < choice.qubits for a, b in choice.edges)
    if choice.qubits < 1 or not inside:
        reason = "its couplings do not fit its qubits"
        raise CompileError(DeviceUnusable(name=choice.label, reason=reason, span=span))
    return Device(
        name=choice.label,
        qubits=choice.qubits,
        edges=tuple(sorted(set(choice.edges))),
        native=IDEAL_GATES,
    )


def _named(name: str, span: Span | None) -> Device:
    if name in plugin_names():
        return load_plugin(name, span)
    calibrated = calibrated_names()
    if name.startswith(PREFIX):
        if not calibrated:
            raise CompileError(DeviceDataMissing(name=name, package=PACKAGE, span=span))
        if name.removeprefix(PREFIX) in calibrated:
            return read_calibrated(name.removeprefix(PREFIX), name, span)
    known = list_devices()
    raise CompileError(UnknownDevice(name=name, candidates=nearest(name, known), span=span))
