"""QA42xx: devices, routing and files of circuits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Severity
from qcompile.diagnostics.message import Message, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownDevice(Message):
    """A target names a device that does not exist."""

    code: ClassVar[str] = "QA4201"
    title: ClassVar[str] = "there is no device named `{name}`"
    label: ClassVar[str] = "no such device"
    help: ClassVar[str | None] = "`qcompile --list-targets` lists all known devices"
    explanation: ClassVar[str] = """
    Known are the calibrated devices `fake_...`, whose data come with the package
    qiskit-ibm-runtime, and the devices that other installed packages offer through the
    entry-point group `qcompile.devices`. A device may also be given by its coupling map.

    Erroneous:  device: "fake_turin"
    Corrected:  device: "fake_torino"
    """

    name: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceDataMissing(Message):
    """The package that describes a device is not installed."""

    code: ClassVar[str] = "QA4202"
    title: ClassVar[str] = "the data of device `{name}` are not installed"
    label: ClassVar[str] = "needs the package {package}"
    help: ClassVar[str | None] = "install it: pip install {package}"
    explanation: ClassVar[str] = """
    Coupling maps and calibrations of the devices `fake_...` are read from files of the package
    qiskit-ibm-runtime, without a network. That package is not installed.

    Erroneous:  device: "fake_torino"      without qiskit-ibm-runtime
    Corrected:  pip install qiskit-ibm-runtime, or a coupling map such as `line(5)`
    """

    name: str
    package: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceNotSupported(Message):
    """A device has no native gate that circuits can be written in."""

    code: ClassVar[str] = "QA4203"
    title: ClassVar[str] = "device `{name}` lacks the native gates that this version writes"
    label: ClassVar[str] = "its gates: {gates}"
    help: ClassVar[str | None] = "choose a device with rz, sx, x and one of cz, cx"
    explanation: ClassVar[str] = """
    Circuits are written in the native gates rz, sx, x and one of cz and cx that works in both
    directions. This device offers others, such as ecr, which has a direction, or u1, u2 and u3.

    Erroneous:  device: "fake_sherbrooke"
    Corrected:  device: "fake_torino"
    """

    name: str
    gates: tuple[str, ...]
    supported: tuple[str, ...] = ()

    def notes(self) -> tuple[str, ...]:
        return (f"supported devices: {', '.join(self.supported)}",) if self.supported else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceUnusable(Message):
    """A device's description is damaged or leaves nothing to run on."""

    code: ClassVar[str] = "QA4204"
    title: ClassVar[str] = "device `{name}` cannot be used: {reason}"
    label: ClassVar[str] = "named here"
    explanation: ClassVar[str] = """
    The description of the device could not be read, or it leaves nothing to run a circuit on:
    qubits and couplings whose calibrated error rate is missing, or 1, are dropped.

    Erroneous:  a coupling map on qubits that the device does not have
    Corrected:  couplings between qubits 0 to n - 1
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitLargerThanDevice(Message):
    """A circuit has more qubits than the device has connected ones."""

    code: ClassVar[str] = "QA4205"
    title: ClassVar[str] = "a circuit of {qubits} qubits does not fit on device `{device}`"
    label: ClassVar[str] = "{usable} connected working qubits"
    help: ClassVar[str | None] = "use a larger device, or fewer qubits in the circuit"
    explanation: ClassVar[str] = """
    A circuit is placed on a connected set of working qubits of the device. The largest such set
    is smaller than the circuit.

    Erroneous:  a circuit of 8 qubits for `device: line(5)`
    Corrected:  a circuit of 8 qubits for `device: line(8)`
    """

    qubits: int
    device: str
    usable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StateNotRouted(Message):
    """A circuit's initial state has no gates to route."""

    code: ClassVar[str] = "QA4206"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = (
        "a circuit that starts in an amplitude-encoded state is not routed onto `{device}`"
    )
    label: ClassVar[str] = "the circuit is not written for this device"
    help: ClassVar[str | None] = "use an encoding by rotations to obtain native gates"
    explanation: ClassVar[str] = """
    Amplitude encoding puts the data into the amplitudes of the initial state. That state has no
    gates of its own in this version, so the circuit is not written in native gates. The adapter
    is compiled and trained in simulation as usual.

    Erroneous:  encode amplitude(h)              for a target with a device
    Corrected:  encode angle(h, gate: ry)
    """

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoErrorRates(Message):
    """Fidelity is the objective, but nothing is known of errors."""

    code: ClassVar[str] = "QA4207"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = (
        "no error rates are known of device `{device}`, so fidelity cannot be estimated"
    )
    label: ClassVar[str] = "an ideal device; the objective `fidelity` needs error rates"
    help: ClassVar[str | None] = "use the objective `gates`, or a calibrated device"
    explanation: ClassVar[str] = """
    The objective `fidelity` chooses the placement with the highest estimated probability of
    success, from calibrated error rates. An ideal device has none; the circuit was routed for
    the fewest two-qubit gates instead.

    Erroneous:  device: line(5), optimise: fidelity
    Corrected:  device: line(5), optimise: gates
    """

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StateNotExportable(Message):
    """OpenQASM cannot express an amplitude-encoded state."""

    code: ClassVar[str] = "QA4208"
    title: ClassVar[str] = (
        "a circuit that starts in an amplitude-encoded state cannot be written as {format}"
    )
    help: ClassVar[str | None] = (
        "write tket JSON (`-o circuit.json`), which records the encoding beside the gates"
    )
    explanation: ClassVar[str] = """
    OpenQASM programs start in the state zero, and amplitude encoding has no gates of its own in
    this version.

    Erroneous:  encode amplitude(h)              written as OpenQASM
    Corrected:  encode angle(h, gate: ry)
    """

    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BadTketFile(Message):
    """A text is no circuit in tket JSON."""

    code: ClassVar[str] = "QA4209"
    title: ClassVar[str] = "not a circuit in tket JSON: {reason}"
    explanation: ClassVar[str] = """
    A circuit written as tket JSON holds the gates in pytket's own form and, beside them, what
    pytket does not know: widths of data and angles, the initial state, the read-out and, for a
    routed circuit, the maps between logical and physical qubits. Something of this is missing,
    damaged or of another version.

    Erroneous:  pytket.Circuit.to_dict() alone
    Corrected:  the text that write_tket_json returns
    """

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEntryPointFailed(Message):
    """A device of another package could not be loaded."""

    code: ClassVar[str] = "QA4210"
    title: ClassVar[str] = "device `{name}` of entry point {entry} failed to load: {reason}"
    label: ClassVar[str] = "named here"
    explanation: ClassVar[str] = """
    An entry point of the group `qcompile.devices` names a callable without arguments that
    returns a qcompile.ir.device.Device. It could not be imported, raised an exception, or
    returned something else.

    Erroneous:  lab5 = "labtools.devices:LAB5"       where LAB5 is a dict
    Corrected:  lab5 = "labtools.devices:lab5"       where lab5() returns a Device
    """

    name: str
    entry: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitaryNotRouted(Message):
    """A `unitary` stands in an adapter whose target is a device."""

    code: ClassVar[str] = "QA4211"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "the circuits of a `unitary` are not routed onto `{device}`"
    label: ClassVar[str] = "they are not written for this device"
    help: ClassVar[str | None] = (
        "a `unitary` is a matrix: its circuits have no read-out that a device could measure"
    )
    explanation: ClassVar[str] = """
    A `unitary` applies the matrix of a circuit to a value. It measures nothing, so there is
    nothing that a device could run. Files of its circuits are written in logical gates, on
    qubits that are not those of the device.

    Erroneous:  update unitary(x, to: out_features) { ry; cz ring }     for a target with a device
    Corrected:  update unitary(x, to: out_features) { ry; cz ring }     for a target without one
    """

    device: str
