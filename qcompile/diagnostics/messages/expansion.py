"""QA32xx: circuits expanded at concrete sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Severity
from qcompile.diagnostics.sized import SizedMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyQubits(SizedMessage):
    """A circuit with too many or no qubits."""

    code: ClassVar[str] = "QA3201"
    title: ClassVar[str] = "a circuit has 1 to {limit} qubits, but this one has {qubits}"
    label: ClassVar[str] = "this is {qubits}"
    explanation: ClassVar[str] = """
    Circuits of up to 30 qubits can be described; how many can be simulated is decided later, by the
    evaluator and the memory.

    Erroneous:  circuit(in_features qubits) { ry; measure z }      (for 3584)
    Corrected:  circuit(min(8, in_features) qubits) { ry; measure z }
    """

    qubits: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyGates(SizedMessage):
    """A circuit with too many gates."""

    code: ClassVar[str] = "QA3202"
    title: ClassVar[str] = "the circuit has more than {limit} gates"
    label: ClassVar[str] = "grows beyond the limit"
    explanation: ClassVar[str] = """
    Loops and patterns are expanded to single gates, at most 200 000 of them in a circuit.

    Erroneous:  repeat in_features { repeat in_features { ry; cz ring } }      (for 3584)
    Corrected:  repeat 8 { ry; cz ring }
    """

    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WireOutOfRange(SizedMessage):
    """A wire that the circuit does not have."""

    code: ClassVar[str] = "QA3203"
    title: ClassVar[str] = "wire {wire} is not in the circuit: it has {qubits} qubits"
    label: ClassVar[str] = "not in 0..{qubits}"
    explanation: ClassVar[str] = """
    The wires of a circuit of n qubits are 0 to n - 1.

    Erroneous:  circuit(4 qubits) { ry on out_features // 128; measure z }      (for 512)
    Corrected:  circuit(4 qubits) { ry on out_features // 128 - 1; measure z }
    """

    wire: int
    qubits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRepeats(SizedMessage):
    """A wire stands twice where it may stand once."""

    code: ClassVar[str] = "QA3204"
    title: ClassVar[str] = "wire {wire} stands twice in this list"
    label: ClassVar[str] = "repeats"
    explanation: ClassVar[str] = """
    A list of wires names each of them once, so that each gets one gate or one read-out.

    Erroneous:  ry on [0, 1, out_features - 512]      (for 512)
    Corrected:  ry on [0, 1]
    """

    wire: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOnOneWire(SizedMessage):
    """A two-qubit gate with both ends on one wire."""

    code: ClassVar[str] = "QA3205"
    title: ClassVar[str] = "this pattern puts a two-qubit gate on wire {wire} alone"
    label: ClassVar[str] = "both ends are wire {wire}"
    explanation: ClassVar[str] = """
    The two wires of a two-qubit gate are different. A ring whose step is a multiple of the number
    of qubits leads back to where it started.

    Erroneous:  circuit(4 qubits) { cx ring step 4; measure z }
    Corrected:  circuit(4 qubits) { cx ring step 2; measure z }
    """

    wire: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementOutOfRange(SizedMessage):
    """An element that a value or a bank does not have."""

    code: ClassVar[str] = "QA3206"
    title: ClassVar[str] = "element {index} of {what} does not exist: it has {size}"
    label: ClassVar[str] = "not in 0..{size}"
    explanation: ClassVar[str] = """
    Elements are counted from 0, for the data of a circuit as well as for declared angles.

    Erroneous:  angles theta[out_features // 128]
                for i in 0..out_features // 100 { ry(theta[i]) on 0 }      (for 512)
    Corrected:  angles theta[out_features // 128]
                for i in 0..out_features // 128 { ry(theta[i]) on 0 }
    """

    what: str
    index: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingTooWide(SizedMessage):
    """More numbers than wires to put them on."""

    code: ClassVar[str] = "QA3207"
    title: ClassVar[str] = "a value {width} wide cannot be encoded on {wires} wires"
    label: ClassVar[str] = "one number a wire"
    help: ClassVar[str | None] = (
        "make the value narrower with `linear(..., to: n)`, or encode slices one after the other"
    )
    explanation: ClassVar[str] = """
    Angle, basis and IQP encodings put one number on each wire. Fewer numbers than wires repeat
    cyclically; more do not fit.

    Erroneous:  attach "*.v_proj"
                q = circuit(8 qubits) { encode angle(x); ry; measure z }      (for 128 -> 64)
    Corrected:  attach "*.v_proj"
                h = linear(x, to: 8)
                q = circuit(8 qubits) { encode angle(h); ry; measure z }
    """

    width: int
    wires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AmplitudesTooWide(SizedMessage):
    """More numbers than amplitudes."""

    code: ClassVar[str] = "QA3208"
    title: ClassVar[str] = (
        "a value {width} wide does not fit the {capacity} amplitudes of {qubits} qubits"
    )
    label: ClassVar[str] = "does not fit"
    help: ClassVar[str | None] = "use at least {needed} qubits"
    explanation: ClassVar[str] = """
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerEmpty(SizedMessage):
    """A layer without a single gate."""

    code: ClassVar[str] = "QA3209"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "this layer has no gates on {qubits} qubits"
    label: ClassVar[str] = "places nothing"
    explanation: ClassVar[str] = """
    A ring, a line or a choice of wires can be empty for few qubits; the circuit is then weaker than
    it looks.

    Erroneous:  circuit(1 qubits) { ry; cz ring; measure z }
    Corrected:  circuit(2 qubits) { ry; cz ring; measure z }
    """

    qubits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeNeedsDevice(SizedMessage):
    """A native pattern without a device."""

    code: ClassVar[str] = "QA3210"
    title: ClassVar[str] = "`native` means the couplings of a device, but the target has none"
    label: ClassVar[str] = "which device?"
    help: ClassVar[str | None] = "give the adapter a target with a device, or use `ring` or `line`"
    explanation: ClassVar[str] = """
    The pattern `native` takes the couplings of the target's device, so that no routing is needed.

    Erroneous:  adapter a() { ... cz native ... }        (without a target)
    Corrected:  target t { device: grid(3, 3) }
                adapter a() on t { ... cz native ... }
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTooSmall(SizedMessage):
    """A native pattern on too few connected qubits."""

    code: ClassVar[str] = "QA3211"
    title: ClassVar[str] = "device `{device}` has no {qubits} connected qubits"
    label: ClassVar[str] = "needs {qubits}"
    explanation: ClassVar[str] = """
    The pattern `native` needs as many connected qubits on the device as the circuit has.

    Erroneous:  target t { device: line(4) }  with  circuit(8 qubits) { ry; cz native; measure z }
    Corrected:  target t { device: line(8) }
    """

    device: str
    qubits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingMeasured(SizedMessage):
    """A read-out of no wires."""

    code: ClassVar[str] = "QA3212"
    title: ClassVar[str] = "this measures no wire: the circuit has only {qubits}"
    label: ClassVar[str] = "reads nothing"
    explanation: ClassVar[str] = """
    A read-out must give at least one number.

    Erroneous:  circuit(1 qubits) { ry; measure z on odd }
    Corrected:  circuit(1 qubits) { ry; measure z }
    """

    qubits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitaryTooNarrow(SizedMessage):
    """A matrix of one number."""

    code: ClassVar[str] = "QA3213"
    title: ClassVar[str] = "a `unitary` from width 1 to width 1 has no qubits"
    label: ClassVar[str] = "at least one of the widths must be 2"
    explanation: ClassVar[str] = """
    The matrix of n qubits has 2^n rows, so that it needs a width of at least 2 on one side. The
    only 1 × 1 rotation is the number 1.

    Erroneous:  v = unitary(x[0], to: 1) { ry }
    Corrected:  v = unitary(x[0], to: 2) { ry }
    """
