"""QA2xxx: gates, encodings and angles of circuits."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, did_you_mean, message


@message("QA2201", "unknown gate or layer `{name}`", label="neither a gate nor a layer")
class UnknownGate(Message):
    """Statements of a circuit are gates, user-defined layers, `repeat`, `for`, `encode`, `angles`
    and `measure`. docs/language.md lists the gates.

    Erroneous:  cnot ring
    Corrected:  cx ring
    """

    name: str
    candidates: tuple[str, ...] = ()
    advice: str = ""

    def helps(self) -> tuple[str, ...]:
        """What there is instead of statements of other tools."""
        return (self.advice,) if self.advice else did_you_mean(self.candidates)


@message(
    "QA2202",
    "two-qubit gate `{gate}` needs to know its pairs",
    label="acts on two qubits",
    help="add a pattern, such as `{gate} ring`, or one pair, such as `{gate} on (0, 1)`",
)
class GateNeedsPairs(Message):
    """A two-qubit gate is applied along a pattern, such as a ring, on listed pairs or on one pair.

    Erroneous:  cx
    Corrected:  cx ring
    """

    gate: str


@message(
    "QA2203",
    "`{gate}` acts on one qubit and takes no pairs",
    label="pairs of qubits",
    help="write `{gate}` for all qubits, or `{gate} on 0..2` for some",
)
class GateNeedsWires(Message):
    """
    One-qubit gates are applied to every qubit, to those after `on`, or along half of a brickwork,
    where the pairs have no qubit in common, to both qubits of every pair.

    Erroneous:  ry ring
    Corrected:  ry
    """

    gate: str


@message("QA2204", "`{gate}` has {expected}, but {found} given", label="{found} given")
class AngleCount(Message):
    """Rotations have one angle and `rot` has three; fixed gates have none. Without parentheses a
    rotation is trainable.

    Erroneous:  rot(0.1)
    Corrected:  rot(0.1, 0.2, 0.3)
    """

    gate: str
    expected: str
    found: str


@message(
    "QA2205",
    "an angle must be a sum of numbers and of elements times numbers",
    label="not affine in the elements",
    help="compute it before the circuit, as a value, and use an element of that",
)
class NotAffine(Message):
    """Angles are affine in the data and in the trainable angles, so that their gradients are known
    exactly.

    Erroneous:  ry(h[0] * h[1]) on 0
    Corrected:  ry(g[0]) on 0                # with g = h[0] * h[1] before the circuit
    """


@message(
    "QA2206",
    "`{name}` is {kind}; an angle needs one element of it",
    label="write `{name}[0]`, or another element",
    help="`encode angle(…)` puts one element on each wire",
)
class WholeValueAsAngle(Message):
    """A gate with an argument has one angle for all its qubits.

    Erroneous:  ry(h)
    Corrected:  encode angle(h, gate: ry)
    """

    name: str
    kind: str


@message(
    "QA2207", "`shared` has no meaning for `{gate}` here", label="no trainable angle of its own"
)
class NoSharing(Message):
    """`shared` gives one trainable angle to all gates of a layer. Fixed gates and gates with given
    angles have none.

    Erroneous:  h shared
    Corrected:  ry shared
    """

    gate: str


@message("QA2208", "layer `{name}` takes no {clause}", label="only gates have this")
class PlainLayer(Message):
    """A user-defined layer says itself on which qubits its gates act; give it parameters.

    Erroneous:  brick ring
    Corrected:  brick()
    """

    name: str
    clause: str


@message(
    "QA2209",
    "`angles` can only stand at the top of a circuit",
    label="inside {place}",
    help="declare the bank before, with room for all repetitions",
)
class BankInside(Message):
    """A bank is one vector of trainable angles. Declared in a loop it would not be clear whether
    every round has its own.

    Erroneous:  repeat 2 { angles t[4]; ry(t[0]) }
    Corrected:  angles t[4]
                repeat 2 { ry(t[0]) }
    """

    place: str


@message("QA2210", "the circuit has more than {limit} gates", label="the limit is reached here")
class TooManyGates(Message):
    """Repetitions are written out. Circuits of that size cannot be simulated in training.

    Erroneous:  repeat 10000 { repeat 10000 { ry; crz ring } }
    Corrected:  repeat 10 { ry; crz ring }
    """

    limit: int


@message("QA2211", "unknown encoding `{name}`", label="no encoding of this name")
class UnknownEncoding(Message):
    """The encodings are angle, amplitude, basis and iqp.

    Erroneous:  encode angel(h)
    Corrected:  encode angle(h)
    """

    name: str
    candidates: tuple[str, ...] = ()


@message(
    "QA2212",
    "`{gate}` cannot encode data",
    label="not a one-qubit rotation",
    help="use rx, ry, rz or phase",
)
class EncodingGate(Message):
    """Angle encoding turns one element into the angle of a one-qubit gate.

    Erroneous:  encode angle(h, gate: cx)
    Corrected:  encode angle(h, gate: rx)
    """

    gate: str


@message(
    "QA2213",
    "a value of width {width} does not fit; there is room for {room}",
    label="width {width}",
    help="use more qubits, or encode a slice of the value",
)
class EncodingTooWide(Message):
    """Angle, basis and IQP encoding put one element on a wire, amplitude encoding puts 2^n
    elements on n qubits. A narrower value is repeated or padded.

    Erroneous:  q = circuit(3 qubits) { encode angle(h); measure z }       # h is 4 wide
    Corrected:  q = circuit(4 qubits) { encode angle(h); measure z }
    """

    width: int
    room: int


@message(
    "QA2214",
    "`encode amplitude` must be the first statement of a circuit",
    label="the qubits are no longer in |0…0⟩",
)
class AmplitudeNotFirst(Message):
    """Amplitude encoding sets the state of all qubits; it cannot act on qubits that have one
    already. It cannot stand in loops or layers.

    Erroneous:  ry
                encode amplitude(h)
    Corrected:  encode amplitude(h)
                ry
    """


@message(
    "QA2215",
    "this circuit has no trainable angle",
    severity="warning",
    label="all angles are fixed",
    help="write a rotation without argument, such as `ry`, to make it trainable",
)
class FixedCircuit(Message):
    """The circuit is a fixed function of its data, so training will not change it.

    Erroneous:  q = circuit(4 qubits) { encode angle(h); cx ring; measure z }
    Corrected:  q = circuit(4 qubits) { encode angle(h); ry; cx ring; measure z }
    """


@message(
    "QA2216",
    "encoding with `{gate}` has no effect here",
    severity="warning",
    label="the qubits are still in |0…0⟩",
    help="use `ry` or `rx`, or put `h` before",
)
class EncodingWithoutEffect(Message):
    """A diagonal gate changes the state |0…0⟩ by a phase only, so that the data never reach the
    read-out.

    Erroneous:  encode angle(h, gate: rz)
                ry
    Corrected:  h
                encode angle(h, gate: rz)
                ry
    """

    gate: str


@message(
    "QA2217",
    "a value cannot depend on the loop variable",
    label="changes in every round of the loop",
    help="use an element, such as `h[i]`, as an angle, or take the slice outside the loop",
)
class LoopInValue(Message):
    """Values are computed before the circuit runs. Inside a loop, the loop variable can choose
    wires and elements, but not make values.

    Erroneous:  for i in 0..4 { encode angle(h[i:i + 1]) on i }
    Corrected:  for i in 0..4 { ry(h[i]) on i }
    """


@message(
    "QA2218",
    "`reset` has no inverse",
    label="nothing undoes it",
    help="put it before or behind the `adjoint`",
)
class ResetUndone(Message):
    """`adjoint` undoes gates. A `reset` forgets a state, and nothing brings it back.

    Erroneous:  adjoint { ry; reset on 0 }
    Corrected:  reset on 0
                adjoint { ry }
    """


@message("QA2219", "`reset` takes no {clause}", label="only wires")
class ResetTakesWires(Message):
    """A reset puts qubits into |0⟩: every one, or those after `on`.

    Erroneous:  reset ring
    Corrected:  reset on 0..2
    """

    clause: str
