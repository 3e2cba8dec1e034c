"""QA2xxx: the fields of targets."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message
from qcompile.diagnostics.source import Span


@message("QA2301", "{owner} has no field `{name}`", label="unknown field")
class UnknownField(Message):
    """Targets have the fields device, dtype, shots, noise, optimise, mitigate and evaluator;
    noise has one_qubit, two_qubit and readout.

    Erroneous:  target t { shot: 4096 }
    Corrected:  target t { shots: 4096 }
    """

    owner: str
    name: str
    candidates: tuple[str, ...] = ()


@message(
    "QA2302", "field `{name}` is given twice", label="given again", first_label="first given here"
)
class FieldTwice(Message):
    """Every field has one value.

    Erroneous:  target t { shots: 1024, shots: 4096 }
    Corrected:  target t { shots: 4096 }
    """

    name: str
    first: Span | None = None


@message(
    "QA2303",
    "{found} is not a device",
    label="expected a name or a coupling map",
    help=(
        'write the name of a device in quotes, such as "fake_torino", or line(n), '
        "ring(n), grid(rows, columns), full(n), coupling([(0, 1), …])"
    ),
)
class BadDevice(Message):
    """A device is known by name, or given as an ideal coupling map.

    Erroneous:  target t { device: fake_torino }
    Corrected:  target t { device: "fake_torino" }
    """

    found: str


@message("QA2304", "{reason}", label="not a coupling")
class BadCoupling(Message):
    """Couplings join two different qubits, counted from 0.

    Erroneous:  target t { device: coupling([(0, 0)]) }
    Corrected:  target t { device: coupling([(0, 1)]) }
    """

    reason: str


@message(
    "QA2305",
    "target `{name}` mitigates read-out errors but has none",
    severity="warning",
    label="has no effect",
    help="add `noise: {{ readout: … }}` or a device that has a noise model",
)
class NothingToMitigate(Message):
    """`mitigate: readout` undoes the read-out errors of the noise model or of the device.

    Erroneous:  target t { mitigate: readout }
    Corrected:  target t { mitigate: readout, noise: { readout: 2pct } }
    """

    name: str
