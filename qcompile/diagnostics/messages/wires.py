"""QA2xxx: wires, pairs and measurements of circuits."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message
from qcompile.diagnostics.source import Span


@message(
    "QA2231",
    "there is no wire {wire} in a circuit of {qubits} qubits",
    label="wires are 0 to {last}",
)
class WireOutOfRange(Message):
    """Wires are counted from 0. Ranges are half-open.

    Erroneous:  q = circuit(4 qubits) { ry on 4; measure z }
    Corrected:  q = circuit(4 qubits) { ry on 3; measure z }
    """

    wire: int
    qubits: int
    last: int


@message("QA2232", "wire {wire} is used twice", label="used again")
class WireRepeated(Message):
    """The gates of a layer act on different wires, and a pair has two different ones.

    Erroneous:  cx on (1, 1)
    Corrected:  cx on (1, 2)
    """

    wire: int


@message(
    "QA2233",
    "{found} names no {wanted}",
    label="expected {wanted}",
    help="write `on 3`, `on [0, 2]`, `on 0..4`, `on even`, `on odd`, or `on (0, 1)` for one pair",
)
class BadWires(Message):
    """After `on` stands one wire, a list, a range or a parity; for a two-qubit gate one pair.

    Erroneous:  ry on "0"
    Corrected:  ry on 0
    """

    found: str
    wanted: str


@message("QA2234", "unknown pattern `{name}`", label="no pattern of this name")
class UnknownPattern(Message):
    """docs/language.md lists the patterns; `pairs [(a, b), …]` names pairs one by one.

    Erroneous:  cx circle
    Corrected:  cx ring
    """

    name: str
    candidates: tuple[str, ...] = ()


@message("QA2235", "`step` has no meaning for pattern `{pattern}`", label="only for ring and line")
class StepUnsuited(Message):
    """A step s joins qubit i with i+s, along a ring or a line.

    Erroneous:  cx all step 2
    Corrected:  cx ring step 2
    """

    pattern: str


@message(
    "QA2236", "the circuit measures nothing", label="no `measure`", help="end it with `measure z`"
)
class NoMeasurement(Message):
    """The value of a circuit is what it measures.

    Erroneous:  q = circuit(4 qubits) { ry }
    Corrected:  q = circuit(4 qubits) { ry; measure z }
    """


@message(
    "QA2237",
    "nothing reads what follows the last `measure`",
    label="acts after the read-out",
    first_label="measured here",
    help="measure at the end",
)
class AfterMeasurement(Message):
    """What stands behind the last `measure` has no effect on any value of the circuit. A `measure`
    in the middle may have statements behind it, if another `measure` follows them.

    Erroneous:  measure z
                ry
    Corrected:  ry
                measure z
    """

    first: Span | None = None


@message("QA2238", "`measure` cannot stand inside {place}", label="only at the top of a circuit")
class MeasurementInside(Message):
    """What is measured decides how wide the circuit is, so that it stands at its top, in the middle
    or at the end.

    Erroneous:  repeat 2 { ry; measure z }
    Corrected:  repeat 2 { ry }
                measure z
    """

    place: str


@message("QA2239", "unknown measurement `{name}`", label="x, y, z, probs or Pauli strings")
class UnknownMeasurement(Message):
    """`measure z` reads ⟨Z⟩ on every wire, `measure probs` the probabilities of the basis states,
    `measure "Z0 Z1"` a Pauli string.

    Erroneous:  measure zz
    Corrected:  measure "Z0 Z1"
    """

    name: str
    candidates: tuple[str, ...] = ()


@message(
    "QA2240",
    "malformed Pauli string: {reason}",
    label="here",
    help='write letters with wires, such as "Z0 X2", or one letter for every qubit, such as "ZIX"',
)
class BadPauli(Message):
    """A Pauli string is a product of X, Y and Z on different wires, with at least one of them.

    Erroneous:  measure "Z0 Z0"
    Corrected:  measure "Z0 Z1"
    """

    reason: str
