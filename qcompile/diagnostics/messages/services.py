"""QA71xx: simulators and devices that run an adapter's circuits."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message


@message(
    "QA7101",
    "nothing named `{name}` runs circuits",
    help="`simulator`, `aer`, a device of `qcompile targets`, a device of IBM's such as"
    " `ibm_torino`, or a back end of Qiskit or pytket",
)
class UnknownService(Message):
    """Circuits run in torch (`simulator`), on Qiskit's simulator Aer (`aer`), on a calibrated
    device with its noise simulated by Aer (`fake_…`), or on a device of IBM Quantum (`ibm_…`). In
    Python a BackendV2 of Qiskit or a Backend of pytket can be given as well.

    Erroneous:  adapter.on("fake_turin")
    Corrected:  adapter.on("fake_torino")
    """

    name: str
    candidates: tuple[str, ...] = ()


@message(
    "QA7102",
    "`{name}` needs the package {package}, which is not installed",
    help="install it: pip install '{install}'",
)
class ServicePackageMissing(Message):
    """What runs circuits comes with packages that qcompile does not need otherwise.

    Erroneous:  adapter.on("aer")      without qiskit-aer
    Corrected:  pip install 'qcompile[hardware]', then adapter.on("aer")
    """

    name: str
    package: str
    install: str


@message("QA7103", "adapter `{adapter}` has no circuits that `{service}` could run")
class NothingToRun(Message):
    """A simulator or a device of quantum circuits was chosen for an adapter that has none with
    a read-out. Tensor networks, and the matrices of `unitary`, are always computed in torch.

    Erroneous:  lora = qcompile.load("lora.pt"); lora.on("fake_torino")
    Corrected:  lora = qcompile.load("lora.pt"), which runs as it is
    """

    adapter: str
    service: str


@message(
    "QA7104",
    "`{service}` did not run the circuits: {reason}",
    help="results so far are kept in the ledger, where there is one: a new run takes them over",
)
class ServiceFailed(Message):
    """A simulator, a device or the network between refused a job, lost it, or did not answer in
    time, and it was tried as often as allowed. Nothing of what had arrived is lost where a
    ledger is kept: the same run started again asks for what is missing.

    Erroneous:  adapter.on("ibm_torino", shots=4096), with no network
    Corrected:  adapter.on("ibm_torino", shots=4096, ledger="jobs.jsonl"), and again later
    """

    service: str
    reason: str


@message("QA7105", "`{service}` returned what is no result of shots: {reason}")
class BadOutcome(Message):
    """Counts or probabilities that are negative, not a number, or do not add up, or outcomes of
    other qubits than those that were read. They are never used as values.

    Erroneous:  a provider that returns probabilities that add up to 0.5
    Corrected:  a provider whose results are counts of the shots that were asked for
    """

    service: str
    reason: str


@message(
    "QA7106",
    "{what} takes {needed:,} {unit}, and {allowed:,} are allowed",
    help="allow more, or ask for fewer",
)
class OverBudget(Message):
    """Jobs and shots cost money on a device. A limit was given, and what is to be submitted next
    would go beyond it together with what was submitted before. It was not submitted. A report says
    the same of what it predicts.

    Erroneous:  adapter.on("fake_torino", shots=4096, max_shots=1000)
    Corrected:  adapter.on("fake_torino", shots=4096, max_shots=10**7)
    """

    service: str
    needed: int
    unit: str
    allowed: int
    what: str = "this"


@message(
    "QA7107",
    "`{service}` gives no exact values: say how many shots",
    help="for example `shots=4096`",
)
class ShotsNeeded(Message):
    """Values of a device are means over shots. Only simulators that keep the whole state give
    exact ones; under noise that is a density matrix, for circuits of few qubits.

    Erroneous:  adapter.on("ibm_torino")
    Corrected:  adapter.on("ibm_torino", shots=4096)
    """

    service: str


@message("QA7108", "`{path}` cannot be used as a ledger of jobs: {reason}")
class LedgerUnusable(Message):
    """The ledger is a file of JSON lines that only grows. It was written by something else, is
    damaged before its end, or another process writes to it.

    Erroneous:  adapter.on("fake_torino", shots=4096, ledger="notes.txt")
    Corrected:  adapter.on("fake_torino", shots=4096, ledger="jobs.jsonl")
    """

    path: str
    reason: str


@message(
    "QA7109",
    "the read-out errors of `{service}` are not known, so that they cannot be undone",
    help='leave `mitigate="readout"` out',
)
class ReadoutErrorsUnknown(Message):
    """Read-out errors are undone by the inverse of the probabilities with which each qubit is
    read wrongly. They come from the calibration of a device; an ideal simulator has none.

    Erroneous:  adapter.on("aer", shots=4096, mitigate="readout")
    Corrected:  adapter.on("fake_torino", shots=4096, mitigate="readout")
    """

    service: str


@message(
    "QA7110",
    "the circuits run on `{service}`, which is not pickled",
    help='run them in torch before: adapter.on("simulator")',
)
class ServiceNotPickled(Message):
    """A connection to a device may hold credentials, so that it never enters a file. Tensors are
    saved as always, by `save` and by `state_dict`; a module as a whole is pickled only while its
    circuits run in torch.

    Erroneous:  torch.save(model, "model.pt")      with circuits on a device
    Corrected:  adapter.on("simulator"); torch.save(model, "model.pt")
    """

    service: str


@message(
    "QA7111",
    "no credentials for `{service}`: {reason}",
    help="save them once with QiskitRuntimeService.save_account, as Qiskit's documentation says",
)
class NoCredentials(Message):
    """Devices of IBM Quantum are reached with the account that qiskit-ibm-runtime has saved, or
    that its environment variables give. qcompile neither asks for credentials nor keeps them.

    Erroneous:  adapter.on("ibm_torino", shots=4096)      without an account
    Corrected:  QiskitRuntimeService.save_account(…) once, then the same
    """

    service: str
    reason: str


@message(
    "QA7112",
    "a `{kind}` is nothing that circuits run on",
    help="give the name of a simulator or a device, a BackendV2 of Qiskit, or a Backend of pytket",
)
class UnknownBackend(Message):
    """An object was given that is neither a BackendV2 of Qiskit nor a Backend of pytket with
    counts.

    Erroneous:  adapter.on(FakeTorino)
    Corrected:  adapter.on(FakeTorino())
    """

    kind: str


@message(
    "QA7114",
    "target `{name}` runs circuits on a device, and names none",
    label="on which device?",
    help='add `device: "fake_torino"`, or leave `run` out',
)
class NoDeviceToRunOn(Message):
    """`run: device` is about the device that the target names. A coupling map is no device that
    something runs on.

    Erroneous:  target hw { device: line(4), run: device }
    Corrected:  target hw { device: "fake_torino", run: device }
    """

    name: str


@message(
    "QA7115",
    "the targets of this file let circuits run in several places: {places}",
    help="say where: `adapter.on(…)`, `qcompile run --on …`",
)
class SeveralPlaces(Message):
    """All circuits of an adapter run in one place. Where the targets of its parts do not agree on
    device, shots, mitigation and copies, it has to be said.

    Erroneous:  adapter.on()      with two targets, for two devices
    Corrected:  adapter.on("fake_torino", shots=4096)
    """

    places: tuple[str, ...]


@message(
    "QA7116",
    "angles of {wrong:,} of {circuits:,} circuits for `{service}` are not finite numbers",
    help="look for NaN and infinity in the input and in the trained tensors; nothing was submitted",
)
class BindingsNotFinite(Message):
    """A device can turn a qubit by numbers alone. NaN and infinity come from the input, from a
    training that diverged, or from numbers so large that a product overflows. The simulator in
    torch would go on with NaN; a job would cost what a job costs, for nothing.

    Erroneous:  adapter.on("fake_torino", shots=4096)(torch.full((1, 4), float("nan")))
    Corrected:  adapter.on("fake_torino", shots=4096)(torch.zeros(1, 4))
    """

    service: str
    wrong: int
    circuits: int


@message(
    "QA7117",
    "circuits of {qubits} qubits have no exact values on `{service}`: its noise is simulated on"
    " {most} at most",
    help="say how many shots, for example 4096",
)
class ExactTooWide(Message):
    """Exact values under noise take a density matrix, 4^n numbers for n qubits of the device. Of
    wider circuits every shot is simulated, so that the number of shots has to be said. Routing may
    take more qubits than the circuit has.

    Erroneous:  adapter.on("fake_torino")      with a circuit of 12 qubits
    Corrected:  adapter.on("fake_torino", shots=4096)
    """

    service: str
    qubits: int
    most: int


@message(
    "QA7118",
    "a circuit reads {qubits} qubits at once, and {most} is the most that `{service}` is asked for",
    help="measure fewer qubits, or strings on fewer of them",
)
class TooManyRead(Message):
    """All values of one basis come from the same shots, whose outcomes are counted as numbers of
    64 bits.

    Erroneous:  adapter.on("fake_torino", shots=4096)      with `measure z` on 100 qubits
    Corrected:  the same with `measure "Z0", "Z1", "Z0 Z1"` in the source
    """

    service: str
    qubits: int
    most: int


@message("QA7119", "`{service}` cannot mitigate a circuit as asked for: {reason}")
class NotMitigated(Message):
    """`zne` runs the circuit once more with every two-qubit gate followed by its inverse and
    itself; `twirling` follows random Pauli gates through it. Both work on the native gates of a
    device, and not on all of them. `decoupling` puts pulses where qubits wait, for which the
    durations of all gates have to be known, and what runs the circuit has to take delays.

    Erroneous:  adapter.on("aer", shots=4096, mitigate="zne")
    Corrected:  adapter.on("fake_torino", shots=4096, mitigate="zne")
    """

    service: str
    reason: str


@message(
    "QA7120",
    "target `{name}` names no device on which `{mitigation}` could act",
    severity="warning",
    label="has no effect in torch",
    help='add `device: "fake_torino"`, or leave it out',
)
class MitigatedNowhere(Message):
    """Of what `mitigate` names `readout` alone is about simulation in torch. `zne`,
    `twirling` and `decoupling` act where circuits run on a device, and copies side by side are made
    there.

    Erroneous:  target t { mitigate: zne }
    Corrected:  target t { mitigate: zne, device: "fake_torino" }
    """

    name: str
    mitigation: str


@message(
    "QA7121",
    "`{device}` has T1 and T2, but no durations of {gates}: these gates count as taking no time",
    severity="warning",
    help="add their durations to the device's description",
)
class NoTimes(Message):
    """A qubit that waits loses what its T1 and T2 say. How long it waits follows from the durations
    of the gates on other qubits. Where those of some gates are not known, the simulated noise of
    waiting, and of these gates, is too small.

    Erroneous:  a device in a JSON file with `relaxation` and a gate without `duration`
    Corrected:  {"name": "cx", "qubits": [0, 1], "error": 0.01, "duration": 3e-07}
    """

    device: str
    gates: tuple[str, ...]


@message(
    "QA7122",
    "the sampler of IBM Quantum cannot have the option `{option}`: {reason}",
    help="`SamplerOptions` of qiskit-ibm-runtime lists its options",
)
class BadRuntimeOption(Message):
    """Options of IBM's SamplerV2 are handed on as they are given, and checked before any circuit is
    routed. Those that qcompile sets itself have arguments of their own: `shots`, `max_seconds`, and
    `mitigate` for decoupling. Levels of resilience belong to IBM's estimator, which is not used:
    readout, ZNE and twirling are `mitigate`.

    Erroneous:  RuntimeOptions(sampler={"resilience_level": 1})
    Corrected:  RuntimeOptions(sampler={"twirling": {"enable_measure": True}})
    """

    option: str
    reason: str


@message(
    "QA7123",
    "the {mode} on `{service}` could not be ended: {reason}",
    severity="warning",
    help="end it on the site of IBM Quantum, or it ends at its limit of time",
)
class SessionNotEnded(Message):
    """A session holds a device, and is paid for, until it is ended: where circuits run elsewhere,
    where a call has failed, and where the process ends. This time IBM Quantum did not answer.

    Erroneous:  the network is lost while RuntimeOptions(mode="session") holds a device
    Corrected:  Session.from_id(…, service=QiskitRuntimeService()).close() once it answers
    """

    service: str
    mode: str
    reason: str


@message(
    "QA7124",
    "the errors of reading {what} add up to 1, so that they cannot be undone",
    label="undoes nothing",
    help="leave `readout` out of `mitigate`, or give two errors whose sum is not 1",
)
class ReadingsNotUndone(Message):
    """With errors u of reading a 0 and d of reading a 1 that add up to 1, a qubit is read as 1 as
    often in either state. Nothing of the state is left in what is read, and the inverse by which
    errors are undone does not exist.

    Erroneous:  target t { shots: 100, noise: { readout: 50pct }, mitigate: readout }
    Corrected:  target t { shots: 100, noise: { readout: 2pct }, mitigate: readout }
    """

    what: str
