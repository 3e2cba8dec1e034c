"""QA32xx: circuits expanded at concrete sizes."""

from __future__ import annotations

from qcompile.diagnostics.message import message
from qcompile.diagnostics.sized import SizedMessage


@message(
    "QA3201",
    "a circuit has 1 to {limit} qubits, but this one has {qubits}",
    label="this is {qubits}",
)
class TooManyQubits(SizedMessage):
    """
    Circuits of up to 128 qubits can be described; how many can be simulated is decided later, by
    the evaluator and the memory.

    Erroneous:  circuit(in_features qubits) { ry; measure z }      (for 3584)
    Corrected:  circuit(min(8, in_features) qubits) { ry; measure z }
    """

    qubits: int
    limit: int


@message("QA3202", "the circuit has more than {limit} gates", label="grows beyond the limit")
class TooManyGatesAtSize(SizedMessage):
    """Loops and patterns are expanded to single gates, at most 200 000 of them in a circuit.

    Erroneous:  repeat in_features { repeat in_features { ry; cz ring } }      (for 3584)
    Corrected:  repeat 8 { ry; cz ring }
    """

    limit: int


@message(
    "QA3203",
    "wire {wire} is not in the circuit: it has {qubits} qubits",
    label="not in 0..{qubits}",
)
class WireOutOfRangeAtSize(SizedMessage):
    """The wires of a circuit of n qubits are 0 to n - 1.

    Erroneous:  circuit(4 qubits) { ry on out_features // 128; measure z }      (for 512)
    Corrected:  circuit(4 qubits) { ry on out_features // 128 - 1; measure z }
    """

    wire: int
    qubits: int


@message("QA3204", "wire {wire} stands twice in this list", label="repeats")
class WireRepeats(SizedMessage):
    """A list of wires names each of them once, so that each gets one gate or one read-out.

    Erroneous:  ry on [0, 1, out_features - 512]      (for 512)
    Corrected:  ry on [0, 1]
    """

    wire: int


@message(
    "QA3205",
    "this pattern puts a two-qubit gate on wire {wire} alone",
    label="both ends are wire {wire}",
)
class PairOnOneWire(SizedMessage):
    """
    The two wires of a two-qubit gate are different. A ring whose step is a multiple of the number
    of qubits leads back to where it started.

    Erroneous:  circuit(4 qubits) { cx ring step 4; measure z }
    Corrected:  circuit(4 qubits) { cx ring step 2; measure z }
    """

    wire: int


@message(
    "QA3206", "element {index} of {what} does not exist: it has {size}", label="not in 0..{size}"
)
class ElementOutOfRange(SizedMessage):
    """Elements are counted from 0, for the data of a circuit as well as for declared angles.

    Erroneous:  angles theta[out_features // 128]
                for i in 0..out_features // 100 { ry(theta[i]) on 0 }      (for 512)
    Corrected:  angles theta[out_features // 128]
                for i in 0..out_features // 128 { ry(theta[i]) on 0 }
    """

    what: str
    index: int
    size: int


@message(
    "QA3207",
    "a value {width} wide cannot be encoded on {wires} wires",
    label="one number a wire",
    help="make the value narrower with `linear(..., to: n)`, or encode slices one after the other",
)
class EncodingTooWideAtSize(SizedMessage):
    """Angle, basis and IQP encodings put one number on each wire. Fewer numbers than wires repeat
    cyclically; more do not fit.

    Erroneous:  attach "*.v_proj"
                q = circuit(8 qubits) { encode angle(x); ry; measure z }      (for 128 -> 64)
    Corrected:  attach "*.v_proj"
                h = linear(x, to: 8)
                q = circuit(8 qubits) { encode angle(h); ry; measure z }
    """

    width: int
    wires: int


@message(
    "QA3208",
    "a value {width} wide does not fit the {capacity} amplitudes of {qubits} qubits",
    label="does not fit",
    help="use at least {needed} qubits",
)
class AmplitudesTooWide(SizedMessage):
    """
    n qubits have 2^n amplitudes; a shorter value is padded with zeros, a longer one does not fit.

    Erroneous:  attach "*.v_proj"
                q = circuit(4 qubits) { encode amplitude(x); ry; measure z }      (for 128 -> 64)
    Corrected:  attach "*.v_proj"
                q = circuit(ceil(log2(in_features)) qubits) { encode amplitude(x); ry; measure z }
    """

    width: int
    qubits: int
    capacity: int
    needed: int


@message(
    "QA3209",
    "this layer has no gates on {qubits} qubits",
    severity="warning",
    label="places nothing",
)
class LayerEmpty(SizedMessage):
    """
    A ring, a line or a choice of wires can be empty for few qubits; the circuit is then weaker than
    it looks.

    Erroneous:  circuit(1 qubits) { ry; cz ring; measure z }
    Corrected:  circuit(2 qubits) { ry; cz ring; measure z }
    """

    qubits: int


@message(
    "QA3210",
    "`native` means the couplings of a device, but the target has none",
    label="which device?",
    help="give the adapter a target with a device, or use `ring` or `line`",
)
class NativeNeedsDevice(SizedMessage):
    """
    The pattern `native` takes the couplings of the target's device, so that no routing is needed.

    Erroneous:  adapter a() { ... cz native ... }        (without a target)
    Corrected:  target t { device: grid(3, 3) }
                adapter a() on t { ... cz native ... }
    """


@message("QA3211", "device `{device}` has no {qubits} connected qubits", label="needs {qubits}")
class DeviceTooSmall(SizedMessage):
    """The pattern `native` needs as many connected qubits on the device as the circuit has.

    Erroneous:  target t { device: line(4) }  with  circuit(8 qubits) { ry; cz native; measure z }
    Corrected:  target t { device: line(8) }
    """

    device: str
    qubits: int


@message("QA3212", "this measures no wire: the circuit has only {qubits}", label="reads nothing")
class NothingMeasured(SizedMessage):
    """A read-out must give at least one number.

    Erroneous:  circuit(1 qubits) { ry; measure z on odd }
    Corrected:  circuit(1 qubits) { ry; measure z }
    """

    qubits: int


@message(
    "QA3213",
    "a `unitary` from width 1 to width 1 has no qubits",
    label="at least one of the widths must be 2",
)
class UnitaryTooNarrow(SizedMessage):
    """The matrix of n qubits has 2^n rows, so that it needs a width of at least 2 on one side. The
    only 1 × 1 rotation is the number 1.

    Erroneous:  v = unitary(x[0], to: 1) { ry }
    Corrected:  v = unitary(x[0], to: 2) { ry }
    """


@message(
    "QA3214",
    "this circuit needs more than {limit} qubits",
    label="takes a fresh qubit for every wire",
    help="reset and measure fewer wires, or in fewer rounds",
)
class NoQubitLeft(SizedMessage):
    """
    A `reset`, and a `measure` in the middle, are deferred: the wire goes on, or is copied, on a
    fresh qubit, which is exact and lets every evaluator and every device run the circuit. A circuit
    has 128 qubits at most.

    Erroneous:  circuit(8 qubits) { repeat 32 { ry; cz ring; reset }; ry; measure z }
    Corrected:  circuit(8 qubits) { repeat 8 { ry; cz ring; reset }; ry; measure z }
    """

    limit: int
