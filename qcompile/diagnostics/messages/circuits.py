"""QA2xxx: gates, encodings and angles of circuits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Severity
from qcompile.diagnostics.message import Message, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownGate(Message):
    """A statement of a circuit that is neither gate nor layer."""

    code: ClassVar[str] = "QA2201"
    title: ClassVar[str] = "unknown gate or layer `{name}`"
    label: ClassVar[str] = "neither a gate nor a layer"
    explanation: ClassVar[str] = """
    Statements of a circuit are gates, user-defined layers, `repeat`, `for`, `encode`, `angles`
    and `measure`. docs/language.md lists the gates.

    Erroneous:  cnot ring
    Corrected:  cx ring
    """

    name: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateNeedsPairs(Message):
    """A two-qubit gate without pairs of qubits."""

    code: ClassVar[str] = "QA2202"
    title: ClassVar[str] = "two-qubit gate `{gate}` needs to know its pairs"
    label: ClassVar[str] = "acts on two qubits"
    help: ClassVar[str | None] = (
        "add a pattern, such as `{gate} ring`, or one pair, such as `{gate} on (0, 1)`"
    )
    explanation: ClassVar[str] = """
    A two-qubit gate is applied along a pattern (line, ring, brickwork, all, native), on listed
    pairs or on one pair.

    Erroneous:  cx
    Corrected:  cx ring
    """

    gate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateNeedsWires(Message):
    """A one-qubit gate with pairs of qubits."""

    code: ClassVar[str] = "QA2203"
    title: ClassVar[str] = "`{gate}` acts on one qubit and takes no pairs"
    label: ClassVar[str] = "pairs of qubits"
    help: ClassVar[str | None] = "write `{gate}` for all qubits, or `{gate} on 0..2` for some"
    explanation: ClassVar[str] = """
    One-qubit gates are applied to every qubit, to those after `on`, or along half of a brickwork,
    where the pairs have no qubit in common, to both qubits of every pair.

    Erroneous:  ry ring
    Corrected:  ry
    """

    gate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AngleCount(Message):
    """Another number of angles than the gate has."""

    code: ClassVar[str] = "QA2204"
    title: ClassVar[str] = "`{gate}` has {expected}, but {found} given"
    label: ClassVar[str] = "{found} given"
    explanation: ClassVar[str] = """
    Rotations have one angle and `rot` has three; fixed gates have none. Without parentheses a
    rotation is trainable.

    Erroneous:  rot(0.1)
    Corrected:  rot(0.1, 0.2, 0.3)
    """

    gate: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAffine(Message):
    """An angle that is no sum of elements times numbers."""

    code: ClassVar[str] = "QA2205"
    title: ClassVar[str] = "an angle must be a sum of numbers and of elements times numbers"
    label: ClassVar[str] = "not affine in the elements"
    help: ClassVar[str | None] = (
        "compute it before the circuit, as a value, and use an element of that"
    )
    explanation: ClassVar[str] = """
    Angles are affine in the data and in the trainable angles, so that their gradients are known
    exactly.

    Erroneous:  ry(h[0] * h[1]) on 0
    Corrected:  ry(g[0]) on 0                # with g = h[0] * h[1] before the circuit
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeValueAsAngle(Message):
    """A value or bank where one element is needed."""

    code: ClassVar[str] = "QA2206"
    title: ClassVar[str] = "`{name}` is {kind}; an angle needs one element of it"
    label: ClassVar[str] = "write `{name}[0]`, or another element"
    help: ClassVar[str | None] = "`encode angle(…)` puts one element on each wire"
    explanation: ClassVar[str] = """
    A gate with an argument has one angle for all its qubits.

    Erroneous:  ry(h)
    Corrected:  encode angle(h, gate: ry)
    """

    name: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSharing(Message):
    """`shared` on a gate without angles of its own."""

    code: ClassVar[str] = "QA2207"
    title: ClassVar[str] = "`shared` has no meaning for `{gate}` here"
    label: ClassVar[str] = "no trainable angle of its own"
    explanation: ClassVar[str] = """
    `shared` gives one trainable angle to all gates of a layer. Fixed gates and gates with given
    angles have none.

    Erroneous:  h shared
    Corrected:  ry shared
    """

    gate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainLayer(Message):
    """Gate clauses on a user-defined layer."""

    code: ClassVar[str] = "QA2208"
    title: ClassVar[str] = "layer `{name}` takes no {clause}"
    label: ClassVar[str] = "only gates have this"
    explanation: ClassVar[str] = """
    A user-defined layer says itself on which qubits its gates act; give it parameters.

    Erroneous:  brick ring
    Corrected:  brick()
    """

    name: str
    clause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BankInside(Message):
    """A bank of angles declared inside a loop or layer."""

    code: ClassVar[str] = "QA2209"
    title: ClassVar[str] = "`angles` can only stand at the top of a circuit"
    label: ClassVar[str] = "inside {place}"
    help: ClassVar[str | None] = "declare the bank before, with room for all repetitions"
    explanation: ClassVar[str] = """
    A bank is one vector of trainable angles. Declared in a loop it would not be clear whether
    every round has its own.

    Erroneous:  repeat 2 { angles t[4]; ry(t[0]) }
    Corrected:  angles t[4]
                repeat 2 { ry(t[0]) }
    """

    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyGates(Message):
    """A circuit beyond the limit of gates."""

    code: ClassVar[str] = "QA2210"
    title: ClassVar[str] = "the circuit has more than {limit} gates"
    label: ClassVar[str] = "the limit is reached here"
    explanation: ClassVar[str] = """
    Repetitions are written out. Circuits of that size cannot be simulated in training.

    Erroneous:  repeat 10000 { repeat 10000 { ry; crz ring } }
    Corrected:  repeat 10 { ry; crz ring }
    """

    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownEncoding(Message):
    """An encoding that does not exist."""

    code: ClassVar[str] = "QA2211"
    title: ClassVar[str] = "unknown encoding `{name}`"
    label: ClassVar[str] = "no encoding of this name"
    explanation: ClassVar[str] = """
    The encodings are angle, amplitude, basis and iqp.

    Erroneous:  encode angel(h)
    Corrected:  encode angle(h)
    """

    name: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingGate(Message):
    """A gate that cannot encode data."""

    code: ClassVar[str] = "QA2212"
    title: ClassVar[str] = "`{gate}` cannot encode data"
    label: ClassVar[str] = "not a one-qubit rotation"
    help: ClassVar[str | None] = "use rx, ry, rz or phase"
    explanation: ClassVar[str] = """
    Angle encoding turns one element into the angle of a one-qubit gate.

    Erroneous:  encode angle(h, gate: cx)
    Corrected:  encode angle(h, gate: rx)
    """

    gate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingTooWide(Message):
    """More elements than the encoding has room for."""

    code: ClassVar[str] = "QA2213"
    title: ClassVar[str] = "a value of width {width} does not fit; there is room for {room}"
    label: ClassVar[str] = "width {width}"
    help: ClassVar[str | None] = "use more qubits, or encode a slice of the value"
    explanation: ClassVar[str] = """
    Angle, basis and IQP encoding put one element on a wire, amplitude encoding puts 2^n
    elements on n qubits. A narrower value is repeated or padded.

    Erroneous:  q = circuit(3 qubits) { encode angle(h); measure z }       # h is 4 wide
    Corrected:  q = circuit(4 qubits) { encode angle(h); measure z }
    """

    width: int
    room: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AmplitudeNotFirst(Message):
    """Amplitude encoding behind other statements."""

    code: ClassVar[str] = "QA2214"
    title: ClassVar[str] = "`encode amplitude` must be the first statement of a circuit"
    label: ClassVar[str] = "the qubits are no longer in |0…0⟩"
    explanation: ClassVar[str] = """
    Amplitude encoding sets the state of all qubits; it cannot act on qubits that have one
    already. It cannot stand in loops or layers.

    Erroneous:  ry
                encode amplitude(h)
    Corrected:  encode amplitude(h)
                ry
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedCircuit(Message):
    """A circuit whose angles are all fixed."""

    code: ClassVar[str] = "QA2215"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "this circuit has no trainable angle"
    label: ClassVar[str] = "all angles are fixed"
    help: ClassVar[str | None] = (
        "write a rotation without argument, such as `ry`, to make it trainable"
    )
    explanation: ClassVar[str] = """
    The circuit is a fixed function of its data, so training will not change it.

    Erroneous:  q = circuit(4 qubits) { encode angle(h); cx ring; measure z }
    Corrected:  q = circuit(4 qubits) { encode angle(h); ry; cx ring; measure z }
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingWithoutEffect(Message):
    """An encoding that does not change the state."""

    code: ClassVar[str] = "QA2216"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "encoding with `{gate}` has no effect here"
    label: ClassVar[str] = "the qubits are still in |0…0⟩"
    help: ClassVar[str | None] = "use `ry` or `rx`, or put `h` before"
    explanation: ClassVar[str] = """
    A diagonal gate changes the state |0…0⟩ by a phase only, so that the data never reach the
    read-out.

    Erroneous:  encode angle(h, gate: rz)
                ry
    Corrected:  h
                encode angle(h, gate: rz)
                ry
    """

    gate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopInValue(Message):
    """A value inside a loop that depends on the loop variable."""

    code: ClassVar[str] = "QA2217"
    title: ClassVar[str] = "a value cannot depend on the loop variable"
    label: ClassVar[str] = "changes in every round of the loop"
    help: ClassVar[str | None] = (
        "use an element, such as `h[i]`, as an angle, or take the slice outside the loop"
    )
    explanation: ClassVar[str] = """
    Values are computed before the circuit runs. Inside a loop, the loop variable can choose
    wires and elements, but not make values.

    Erroneous:  for i in 0..4 { encode angle(h[i:i + 1]) on i }
    Corrected:  for i in 0..4 { ry(h[i]) on i }
    """
