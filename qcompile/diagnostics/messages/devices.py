"""QA42xx: devices, routing and files of circuits."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message
from qcompile.diagnostics.source import Span


@message(
    "QA4201",
    "there is no device named `{name}`",
    label="no such device",
    help="`qcompile targets` lists all known devices",
)
class UnknownDevice(Message):
    """Known are the calibrated devices `fake_...`, whose data come with the package
    qiskit-ibm-runtime, and the devices that other installed packages offer through the
    entry-point group `qcompile.devices`. A device may also be given by its coupling map, or by a
    JSON file.

    Erroneous:  device: "fake_turin"
    Corrected:  device: "fake_torino"
    """

    name: str
    candidates: tuple[str, ...] = ()


@message(
    "QA4202",
    "the data of device `{name}` are not installed",
    label="needs the package {package}",
    help="install it: pip install {package}",
)
class DeviceDataMissing(Message):
    """Coupling maps and calibrations of the devices `fake_...` are read from files of the package
    qiskit-ibm-runtime, without a network. That package is not installed.

    Erroneous:  device: "fake_torino"      without qiskit-ibm-runtime
    Corrected:  pip install qiskit-ibm-runtime, or a coupling map such as `line(5)`
    """

    name: str
    package: str


@message(
    "QA4203",
    "no circuit can be written in the native gates of device `{name}`: it lacks {lacks}",
    label="its gates: {gates}",
    help="choose another device; `qcompile explain QA4203` lists the gates that it needs",
)
class DeviceNotSupported(Message):
    """Circuits are written in the native gates of their device. Of one qubit these are rz, or
    phase, with sx, rx or prx; prx alone; rot; or gpi and gpi2. Of two qubits they are cz, cx, ecr,
    rzz, rxx or ms, which need not work in both directions. This device has no such set.

    Erroneous:  a device of another package with the gates ry and swap alone
    Corrected:  device: "fake_torino"
    """

    name: str
    gates: tuple[str, ...]
    lacks: str


@message("QA4204", "device `{name}` cannot be used: {reason}", label="named here")
class DeviceUnusable(Message):
    """The description of the device could not be read, or it leaves nothing to run a circuit on:
    qubits and couplings whose calibrated error rate is missing, or 1, are dropped.

    Erroneous:  a coupling map on qubits that the device does not have
    Corrected:  couplings between qubits 0 to n - 1
    """

    name: str
    reason: str


@message(
    "QA4205",
    "a circuit of {qubits} qubits does not fit on device `{device}`",
    label="{usable} connected working qubits",
    help="use a larger device, or fewer qubits in the circuit",
)
class CircuitLargerThanDevice(Message):
    """A circuit is placed on a connected set of working qubits of the device. The largest such set
    is smaller than the circuit.

    Erroneous:  a circuit of 8 qubits for `device: line(5)`
    Corrected:  a circuit of 8 qubits for `device: line(8)`
    """

    qubits: int
    device: str
    usable: int


@message(
    "QA4206",
    "a circuit that starts in an amplitude-encoded state is not routed onto `{device}`",
    severity="warning",
    label="the circuit is not written for this device",
    help="`qcompile convert … --bind data.npy` routes it for given data; an encoding by rotations"
    " is routed once for all data",
)
class StateNotRouted(Message):
    """Amplitude encoding puts the data into the amplitudes of the initial state. Which gates make
    it is known once the data are, so the circuit is routed when data are bound, for each row by
    itself. The adapter is compiled and trained in simulation as usual.

    Erroneous:  encode amplitude(h)              for a target with a device
    Corrected:  encode angle(h, gate: ry)
    """

    device: str


@message(
    "QA4207",
    "no error rates are known of device `{device}`, so fidelity cannot be estimated",
    severity="warning",
    label="an ideal device; the objective `fidelity` needs error rates",
    help="use the objective `gates`, or a calibrated device",
)
class NoErrorRates(Message):
    """The objective `fidelity` chooses the candidate with the least predicted error of the measured
    values, from calibrated error rates. An ideal device has none; the circuit was routed for
    the fewest two-qubit gates instead.

    Erroneous:  device: line(5), optimise: fidelity
    Corrected:  device: line(5), optimise: gates
    """

    device: str


@message(
    "QA4208",
    "a circuit that starts in an amplitude-encoded state cannot be written as {format} with"
    " its data as parameters",
    help="bind data, and the state becomes gates: `qcompile convert adapter.pt {file} --bind"
    " data.npy`",
)
class StateNotExportable(Message):
    """The angles of the gates that make such a state are no linear functions of the data, and how
    many gates it takes depends on them, too. Parameters of a circuit file are multiplied and added
    alone. For given data the gates are found; each row becomes a circuit of its own.

    Erroneous:  qcompile convert qaa.pt qaa.qasm
    Corrected:  qcompile convert qaa.pt qaa.qasm --bind data.npy
    """

    format: str
    file: str = "circuits.qasm"


@message("QA4209", "not a circuit in tket JSON: {reason}")
class BadTketFile(Message):
    """A circuit written as tket JSON holds the gates in pytket's own form and, beside them, what
    pytket does not know: widths of data and angles, the initial state, the read-out and, for a
    routed circuit, the maps between logical and physical qubits. Something of this is missing,
    damaged or of another version.

    Erroneous:  pytket.Circuit.to_dict() alone
    Corrected:  the text that write_tket_json returns
    """

    reason: str


@message(
    "QA4211",
    "the circuits of a `unitary` are not routed onto `{device}`",
    severity="warning",
    label="they are not written for this device",
    help="a `unitary` is a matrix: its circuits have no read-out that a device could measure",
)
class UnitaryNotRouted(Message):
    """A `unitary` applies the matrix of a circuit to a value. It measures nothing, so there is
    nothing that a device could run. Files of its circuits are written in logical gates, on
    qubits that are not those of the device.

    Erroneous:  update unitary(x, to: out_features) { ry; cz ring }     for a target with a device
    Corrected:  update unitary(x, to: out_features) { ry; cz ring }     for a target without one
    """

    device: str


@message(
    "QA4212",
    "the passes do not bring the circuits to `{device}`: {reason}",
    label="the device",
    help="name none of the passes for devices, and those that are needed run by themselves",
)
class RoutingIncomplete(Message):
    """A pipeline that names passes for circuits of a device replaces all that would run otherwise,
    such as `absorb-swaps,native-gates,place,route,native-gates`. After the last of them every
    qubit needs a place, and every gate must be one that the device has, on qubits that it couples.

    Erroneous:  --passes "place,route"                  for a device without the circuit's gates
    Corrected:  --passes "native-gates,place,route,native-gates"
    """

    device: str
    reason: str


@message(
    "QA4240",
    "device file `{name}` cannot be used: {reason}",
    label="named here",
    help="`qcompile targets export fake_torino -o FILE` writes an example of such a file",
)
class BadDeviceFile(Message):
    """A name that ends in `.json` is a file with a device, relative to the folder of the source
    that names it. It is missing, no JSON, has other keys than a device has, or figures that cannot
    be: errors that are no probabilities, negative times, T2 above 2 T1.

    Erroneous:  {"name": "cz", "qubits": [0, 1], "error": -0.01}
    Corrected:  {"name": "cz", "qubits": [0, 1], "error": 0.01}
    """

    name: str
    reason: str
    others: tuple[str, ...] = ()

    def notes(self) -> tuple[str, ...]:
        return tuple(f"also: {reason}" for reason in self.others)


@message(
    "QA4241",
    "`targets {action}` needs a device",
    help="name one, such as fake_torino, or a file, such as torino.json",
)
class DeviceNotNamed(Message):
    """`qcompile targets show` and `qcompile targets export` are about one device.
    `qcompile targets` lists those that are known by name.

    Erroneous:  qcompile targets show
    Corrected:  qcompile targets show fake_torino
    """

    action: str


@message(
    "QA4242",
    "the coupling map `{name}` takes the sizes: {sizes}",
    help="each is a positive number, with no more than {most} qubits in all",
)
class SizesMissing(Message):
    """A family of coupling maps is named with its sizes, each a positive number.

    Erroneous:  qcompile targets show "grid(4)"
    Corrected:  qcompile targets show "grid(4, 5)"
    """

    name: str
    sizes: tuple[str, ...]
    most: int


@message(
    "QA4243",
    "two devices are named `{name}`: {one} and {other}",
    label="another description than the other",
    first_label="the other device of this name",
    help="give one of them another name: in a file, the key `name`",
)
class DeviceNameTaken(Message):
    """Circuits, snapshots and jobs name their device, so that two descriptions of one name could be
    mistaken for each other: a file that was made of a device and changed, and that device; or two
    packages that offer the same name.

    Erroneous:  device: "fake_torino" in one target, device: "changed.json" in another, and in that
                file "name": "fake_torino"
    Corrected:  "name": "changed" in the file
    """

    name: str
    one: str
    other: str
    first: Span | None = None


@message(
    "QA4244",
    "device `{device}` has another calibration than the circuits were compiled with",
    severity="warning",
    help="compile again for the calibration that counts",
)
class OtherCalibration(Message):
    """Places and rewriting were chosen by a calibration that is kept in the adapter. The
    device of this name is described otherwise now: by newer data of an installed package, by the
    file, or by the back end. By name the kept one is simulated. On a back end, or for a file that
    was named, circuits stay as they were compiled where all of their gates are still there, and
    are routed anew where not.

    Erroneous:  adapter.on(backend), with an adapter that was compiled for its calibration of May
    Corrected:  qcompile.compile("adapter.qa", target=backend).on(backend)
    """

    device: str
    compiled: str
    present: str
    rerouted: bool
    simulated: bool

    def notes(self) -> tuple[str, ...]:
        found = [f"compiled with that of {self.compiled}; that of {self.present} is there now"]
        if self.simulated:
            found.append("the one that the circuits were compiled with is simulated")
        elif self.rerouted:
            found.append("gates of the circuits are gone, so they were routed anew")
        else:
            found.append("the circuits stay as they were compiled")
        return tuple(found)


@message(
    "QA4245",
    "the calibration of device `{device}` is {days} days old",
    severity="warning",
    label="calibrated {calibrated}",
    help="read the device anew, as `qcompile.backends.devices.device_of(backend)` does",
)
class OldCalibration(Message):
    """Where circuits are placed and how they are rewritten depends on the errors of single
    couplings, which change within days. The date is that of the file, the back end or the adapter.
    Devices `fake_…` are snapshots by intent and not warned about.

    Erroneous:  --target lab.json          with "calibrated": "2025-01-01" in the file
    Corrected:  --target lab.json          written anew of the back end
    """

    device: str
    calibrated: str
    days: int


@message(
    "QA4260",
    "what noise on `{device}` does to a circuit was not simulated: {reason}",
    severity="warning",
    label="this device",
    help="the predicted errors stand in the report",
)
class NotSimulated(Message):
    """`--validate` simulates the noise of a calibrated device: exactly where few qubits of a
    circuit take part at a time, by sampled trajectories of qiskit-aer where more do, up to a limit.
    The circuit is compiled all the same.

    Erroneous:  device: line(4)            with --validate show
    Corrected:  device: "fake_torino"
    """

    device: str
    reason: str


@message(
    "QA4270",
    "circuit `{circuit}` is on no device, so that nothing says what an approximation may lose",
    help="name a device: `--target fake_torino`",
)
class NotApproximated(Message):
    """An approximation leaves out two-qubit gates where that loses less than the gates do, by the
    calibrated errors of the couplings that they are on. A circuit that is on no device has none.

    Erroneous:  qcompile convert adapter.pt c.qpy --bind data.npy --approximate
    Corrected:  qcompile convert adapter.pt c.qpy --bind data.npy --approximate --target fake_torino
    """

    circuit: str
