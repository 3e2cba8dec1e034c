"""QA4220 to QA4239: export of circuits."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message


@message(
    "QA4220",
    "{format} has no parameters, and the circuit {circuit} depends on its {symbols}",
    help="bind them: {advice}",
)
class FormatNeedsBinding(Message):
    """OpenQASM 2 and QIR write numbers where a circuit has angles. Trained angles are bound by
    `--bind angles`; data by a file of rows, of which each becomes a circuit of its own. OpenQASM 3,
    QPY and tket JSON keep both as parameters.

    Erroneous:  qcompile convert adapter.pt circuits.qasm2
    Corrected:  qcompile convert adapter.pt circuits.qasm2 --bind data.npy
    """

    format: str
    circuit: str
    symbols: str
    advice: str


@message("QA4221", "the data to bind cannot be used: {reason}", help="{advice}")
class DataNotBound(Message):
    """What is bound are finite numbers in rows, (rows, width), one circuit for each row. An array
    is the data of the circuit itself, after all that the adapter does before it: `width` is the
    number of its data. Values named `x`, in a .npz file or in a dictionary that torch saved, are
    inputs of the module, from which the adapter computes the data; `y` is the module's own output,
    where the adapter reads that.

    Erroneous:  --bind data.npy     with (rows, 64), for a circuit with 4 data
    Corrected:  --bind inputs.npz   with `x` (rows, 64), for a module with 64 inputs
    """

    reason: str
    advice: str


@message(
    "QA4222",
    "trained values of `{tensor}` are not finite",
    help="see when they became so: `qcompile.adapter.training.check_finite(adapter)` names tensors",
)
class AnglesNotFinite(Message):
    """A circuit with NaN or infinite angles is no circuit. Nothing was written.

    Erroneous:  --bind angles     after a training that diverged
    Corrected:  --bind angles     with the adapter of an earlier step
    """

    tensor: str


@message("QA4223", "{format} needs the package {package}, which is not installed")
class FormatNeedsPackage(Message):
    """Most formats are written by packages that qcompile needs anyway. QIR and ONNX are extras.

    Erroneous:  qcompile convert adapter.pt circuits.qir --bind angles     without pyqir
    Corrected:  pip install 'qcompile[qir]'
    """

    format: str
    package: str

    def helps(self) -> tuple[str, ...]:
        return (f"install it: pip install 'qcompile[{self.format.lower()}]'",)


@message(
    "QA4224",
    "{count} circuits would be written, more than {limit}",
    help="bind fewer rows, or name one module with `--module`",
)
class TooManyCircuits(Message):
    """Each row of data becomes a circuit of its own in every module, with a file and a manifest.
    To run many rows on a device, export the circuit once, with parameters, and bind them there.

    Erroneous:  qcompile convert adapter.pt c.qasm2 --bind tokens.npy      with 100,000 rows
    Corrected:  qcompile convert adapter.pt c.qpy
    """

    count: int
    limit: int


@message(
    "QA4225",
    "the circuits of adapter `{adapter}` depend on the input, and none is given",
    help="give `x`, (…, in_features)",
)
class InputNeeded(Message):
    """The data of a circuit are computed from the module's input by the adapter's own steps. Only
    where they depend on no input, as in a prefix, can it be left out.

    Erroneous:  circuit.data()
    Corrected:  circuit.data(x)
    """

    adapter: str


@message(
    "QA4226",
    "target `{name}` has no device to bring circuits to",
    help="name a target with a `device`, or a device; `qcompile targets` lists the devices",
)
class TargetWithoutDevice(Message):
    """A target may describe the simulator alone: its noise, its shots, its precision. Circuits are
    brought to devices.

    Erroneous:  target fast { dtype: float32 }          and --target fast
    Corrected:  target hw { device: "fake_torino" }     and --target hw
    """

    name: str
