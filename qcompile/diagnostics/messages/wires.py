"""QA2xxx: wires, pairs and measurements of circuits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Label
from qcompile.diagnostics.message import Message, did_you_mean
from qcompile.diagnostics.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class WireOutOfRange(Message):
    """A wire that the circuit does not have."""

    code: ClassVar[str] = "QA2231"
    title: ClassVar[str] = "there is no wire {wire} in a circuit of {qubits} qubits"
    label: ClassVar[str] = "wires are 0 to {last}"
    explanation: ClassVar[str] = """
    Wires are counted from 0. Ranges are half-open.

    Erroneous:  q = circuit(4 qubits) { ry on 4; measure z }
    Corrected:  q = circuit(4 qubits) { ry on 3; measure z }
    """

    wire: int
    qubits: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRepeated(Message):
    """One wire twice in one layer or pair."""

    code: ClassVar[str] = "QA2232"
    title: ClassVar[str] = "wire {wire} is used twice"
    label: ClassVar[str] = "used again"
    explanation: ClassVar[str] = """
    The gates of a layer act on different wires, and a pair has two different ones.

    Erroneous:  cx on (1, 1)
    Corrected:  cx on (1, 2)
    """

    wire: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BadWires(Message):
    """Something after `on` that names no wires."""

    code: ClassVar[str] = "QA2233"
    title: ClassVar[str] = "{found} names no {wanted}"
    label: ClassVar[str] = "expected {wanted}"
    help: ClassVar[str | None] = (
        "write `on 3`, `on [0, 2]`, `on 0..4`, `on even`, `on odd`, or `on (0, 1)` for one pair"
    )
    explanation: ClassVar[str] = """
    After `on` stands one wire, a list, a range or a parity; for a two-qubit gate one pair.

    Erroneous:  ry on "0"
    Corrected:  ry on 0
    """

    found: str
    wanted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownPattern(Message):
    """An entangler pattern that does not exist."""

    code: ClassVar[str] = "QA2234"
    title: ClassVar[str] = "unknown pattern `{name}`"
    label: ClassVar[str] = "no pattern of this name"
    explanation: ClassVar[str] = """
    The patterns are line, ring, brickwork, all, native and `pairs [(a, b), …]`.

    Erroneous:  cx circle
    Corrected:  cx ring
    """

    name: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUnsuited(Message):
    """A step on a pattern that has none."""

    code: ClassVar[str] = "QA2235"
    title: ClassVar[str] = "`step` has no meaning for pattern `{pattern}`"
    label: ClassVar[str] = "only for ring and line"
    explanation: ClassVar[str] = """
    A step s joins qubit i with i+s, along a ring or a line.

    Erroneous:  cx all step 2
    Corrected:  cx ring step 2
    """

    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoMeasurement(Message):
    """A circuit without read-out."""

    code: ClassVar[str] = "QA2236"
    title: ClassVar[str] = "the circuit measures nothing"
    label: ClassVar[str] = "no `measure`"
    help: ClassVar[str | None] = "end it with `measure z`"
    explanation: ClassVar[str] = """
    The value of a circuit is what it measures.

    Erroneous:  q = circuit(4 qubits) { ry }
    Corrected:  q = circuit(4 qubits) { ry; measure z }
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterMeasurement(Message):
    """A statement behind a measurement."""

    code: ClassVar[str] = "QA2237"
    title: ClassVar[str] = "nothing but `measure` can stand behind `measure`"
    label: ClassVar[str] = "acts behind the read-out"
    explanation: ClassVar[str] = """
    Measurements come last; several of them are concatenated.

    Erroneous:  measure z
                ry
    Corrected:  ry
                measure z
    """

    first: Span | None = None

    def secondary(self) -> tuple[Label, ...]:
        return () if self.first is None else (Label(self.first, "measured here"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementInside(Message):
    """A measurement inside a loop or layer."""

    code: ClassVar[str] = "QA2238"
    title: ClassVar[str] = "`measure` cannot stand inside {place}"
    label: ClassVar[str] = "only at the top of a circuit"
    explanation: ClassVar[str] = """
    A circuit is read out once, at its end.

    Erroneous:  repeat 2 { ry; measure z }
    Corrected:  repeat 2 { ry }
                measure z
    """

    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownMeasurement(Message):
    """A measurement that does not exist."""

    code: ClassVar[str] = "QA2239"
    title: ClassVar[str] = "unknown measurement `{name}`"
    label: ClassVar[str] = "x, y, z, probs or Pauli strings"
    explanation: ClassVar[str] = """
    `measure z` reads ⟨Z⟩ on every wire, `measure probs` the probabilities of the basis states,
    `measure "Z0 Z1"` a Pauli string.

    Erroneous:  measure zz
    Corrected:  measure "Z0 Z1"
    """

    name: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class BadPauli(Message):
    """A malformed Pauli string."""

    code: ClassVar[str] = "QA2240"
    title: ClassVar[str] = "malformed Pauli string: {reason}"
    label: ClassVar[str] = "here"
    help: ClassVar[str | None] = (
        'write letters with wires, such as "Z0 X2", or one letter for every qubit, such as "ZIX"'
    )
    explanation: ClassVar[str] = """
    A Pauli string is a product of X, Y and Z on different wires, with at least one of them.

    Erroneous:  measure "Z0 Z0"
    Corrected:  measure "Z0 Z1"
    """

    reason: str
