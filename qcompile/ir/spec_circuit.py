"""Circuits as they stand in a Spec: structured, with symbolic sizes; lowering expands them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from qcompile.diagnostics.source import Span
from qcompile.ir.gates import GateName
from qcompile.ir.initialisation import Init
from qcompile.ir.matrices import PauliLetter
from qcompile.ir.patterns import Half
from qcompile.ir.scalar import Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class AllWires:
    """Every qubit."""

    parity: Literal["all", "even", "odd"] = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedWires:
    """`on [0, 2, 5]` or `on 3`."""

    wires: tuple[Scalar, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRange:
    """`on 0..4`, half-open."""

    start: Scalar
    stop: Scalar
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfBrickwork:
    """`brickwork even`: both qubits of every pair of that half, in order."""

    half: Half


Wires = AllWires | ListedWires | WireRange | HalfBrickwork


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPattern:
    """A row of `qcompile.ir.patterns` over n qubits."""

    kind: str
    reversed: bool = False
    step: Scalar | None = None
    """Only for patterns with steps; None: 1."""
    half: Half | None = None
    """Only for patterns with halves; None: both."""
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPairs:
    """`pairs [(0, 1), (2, 3)]`, or one pair `on (0, 1)`."""

    pairs: tuple[tuple[Scalar, Scalar], ...]
    span: Span | None = field(default=None, compare=False, repr=False)


Pairs = PairPattern | ListedPairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """Trainable angles of the layer's own: `per_gate` one a gate and angle, else one in all."""

    per_gate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DataElement:
    """`h[index]` inside a circuit: an element of a data operand."""

    operand: int
    """Position in the circuit's operands."""
    index: Scalar
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BankElement:
    """`theta[index]`: an element of a declared bank of trainable angles."""

    bank: int
    """Position in `SpecCircuit.banks`."""
    index: Scalar
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AffineAngle:
    """constant + Σ coefficient · element, radians."""

    constant: Scalar
    terms: tuple[tuple[Scalar, DataElement | BankElement], ...]


Angles = Fresh | tuple[AffineAngle, ...]
"""Trainable, or one expression for each angle of the gate (the same for all gates)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLayer:
    """A gate on wires (one-qubit gates) or on pairs (two-qubit gates)."""

    gate: GateName
    angles: Angles
    wires: Wires | None
    pairs: Pairs | None
    """Exactly one of `wires` and `pairs` is given."""
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixLayer:
    """A gate that the file gives by its matrix, on wires or on pairs."""

    gate: str
    """Its name in the file."""
    entries: tuple[tuple[float, float], ...]
    """(real, imaginary), row by row: 4 of one qubit, 16 of two; unitary."""
    wires: Wires | None
    pairs: Pairs | None
    """Exactly one of `wires` and `pairs` is given."""
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeAngle:
    """`encode angle(h, gate: ry, scale: s)`: gate(s · h_i) on the i-th of `wires`.

    A value with fewer elements than wires repeats cyclically; more elements than wires is an error.
    Squashing (`squash: tanh`) is elaborated into an activation before the circuit.
    """

    operand: int
    gate: GateName
    scale: Scalar
    wires: Wires
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeAmplitude:
    """`encode amplitude(x)`: the state z / ‖z‖ with x zero-padded to 2^n; first item only.

    z = 0 encodes |0…0⟩. `keep_norm`: the read-out is multiplied by ‖z‖.
    """

    operand: int
    keep_norm: bool
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeBasis:
    """`encode basis(h)`: X on the i-th wire where h_i > 0. Piecewise constant: no gradient to h."""

    operand: int
    wires: Wires
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeIqp:
    """`encode iqp(h)`: H on every wire, RZ(h_i), RZZ(h_i h_j) on `pairs` (Havlíček et al. 2019)."""

    operand: int
    pairs: Pairs
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """`repeat n { … }`: the items n times, each time with trainable angles of their own."""

    count: Scalar
    items: tuple[CircuitItem, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForEach:
    """`for i in a..b { … }`, half-open."""

    variable: str
    """Unique in the circuit after elaboration."""
    start: Scalar
    stop: Scalar
    items: tuple[CircuitItem, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecAdjoint:
    """`adjoint { … }`: what undoes the items, gate by gate from the last one.

    Trainable angles of layers inside are angles of their own, as of any other layer.
    """

    items: tuple[CircuitItem, ...]
    """Without amplitude encoding."""
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choose:
    """`if condition { … } else { … }`, where only a module's sizes or a loop decide."""

    condition: Scalar
    items: tuple[CircuitItem, ...]
    otherwise: tuple[CircuitItem, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecReset:
    """`reset on …`: the wires go on in |0⟩, whatever they were entangled with."""

    wires: Wires
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureBetween:
    """A `measure` with statements behind it, which see the state that it leaves; top level only.

    Its outputs come before those of later ones.
    """

    measurement: Measurement
    span: Span | None = field(default=None, compare=False, repr=False)


CircuitItem = (
    GateLayer
    | MatrixLayer
    | EncodeAngle
    | EncodeAmplitude
    | EncodeBasis
    | EncodeIqp
    | Repeat
    | ForEach
    | SpecAdjoint
    | Choose
    | SpecReset
    | MeasureBetween
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """`angles theta[n]`: a named vector of trainable angles, usable in several places."""

    name: str
    size: Scalar
    init: Init | None
    """None: the circuit's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureEach:
    """`measure z on …`: one expectation value per wire."""

    letter: PauliLetter
    wires: Wires
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurePaulis:
    """`measure "Z0 Z1", "X2"` or `measure "ZZI"`: one expectation value per Pauli string."""

    strings: tuple[tuple[tuple[int, PauliLetter], ...], ...]
    """(wire, letter) pairs sorted by wire, identities left out, never empty."""
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureProbabilities:
    """`measure probs on …`: 2^k probabilities, the first listed wire the most significant bit."""

    wires: Wires
    span: Span | None = field(default=None, compare=False, repr=False)


Measurement = MeasureEach | MeasurePaulis | MeasureProbabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecCircuit:
    """A circuit of a Spec. Qubit 0 is the most significant bit of a basis state."""

    qubits: Scalar
    banks: tuple[Bank, ...]
    items: tuple[CircuitItem, ...]
    measurements: tuple[Measurement, ...]
    """At least one; their outputs are concatenated."""
    init: Init
    """Of all trainable angles without one of their own."""
    span: Span | None = field(default=None, compare=False, repr=False)
