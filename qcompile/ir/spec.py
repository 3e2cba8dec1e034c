"""Spec: what was meant. Names resolved, defaults filled, parameters evaluated; no model yet.

An adapter is a directed acyclic graph in SSA form: a tuple of nodes, operands are indices of
earlier nodes. Sizes are scalars that may still mention `in_features` and `out_features`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from qcompile.diagnostics.source import Span
from qcompile.ir.added_later import ADDED_LATER
from qcompile.ir.initialisation import Init
from qcompile.ir.scalar import Scalar, ScalarValue
from qcompile.ir.spec_circuit import (
    Bank,
    Choose,
    CircuitItem,
    ForEach,
    Fresh,
    GateLayer,
    Repeat,
    SpecAdjoint,
    SpecCircuit,
)
from qcompile.ir.spec_node import SpecNode
from qcompile.ir.target import Target
from qcompile.ir.training import SpecTraining

Mode = Literal["add", "replace", "prefix"]
"""What becomes of the result: it is added to the module's output, takes its place, or stands
before the keys and values of an attention module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecCircuitValue(SpecNode):
    """`circuit(n qubits) { … }`: the read-out of a quantum circuit fed with `operands`."""

    READS = ("operands",)

    operands: tuple[int, ...]
    """Data values; items of the circuit refer to them by position in this tuple."""
    circuit: SpecCircuit
    name: str
    share: str | None

    @property
    def tensors_name(self) -> str:
        return self.name

    @property
    def scalars(self) -> tuple[Scalar, ...]:
        return (self.circuit.qubits,)

    @property
    def inits(self) -> tuple[Init, ...]:
        return _inits(self.circuit.banks, self.circuit.items, self.circuit.init)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecUnitary(SpecNode):
    """`unitary(v, to: n) { … }`: the first n entries of U v, or of Uᵀ v where `adjoint`.

    v is zero-padded to N, the larger of its width and n. U is the matrix of the gates, which are
    real and without data; see `qcompile.ir.orthogonal` where N is no power of two.
    """

    READS = ("operand",)

    operand: int
    to: Scalar
    adjoint: bool
    banks: tuple[Bank, ...]
    items: tuple[CircuitItem, ...]
    """Gates and loops only."""
    init: Init
    """Of all trainable angles without one of their own."""
    name: str
    share: str | None

    @property
    def tensors_name(self) -> str:
        return self.name

    @property
    def inits(self) -> tuple[Init, ...]:
        return _inits(self.banks, self.items, self.init)


def _inits(banks: tuple[Bank, ...], items: tuple[CircuitItem, ...], own: Init) -> tuple[Init, ...]:
    found = tuple(bank.init or own for bank in banks)
    return (*found, own) if has_fresh(items) else found


def has_fresh(items: tuple[CircuitItem, ...]) -> bool:
    """Whether a gate has a trainable angle of its own."""
    for item in items:
        match item:
            case GateLayer(angles=Fresh()):
                return True
            case Repeat(items=inner) | ForEach(items=inner) | SpecAdjoint(items=inner):
                if has_fresh(inner):
                    return True
            case Choose(items=inner, otherwise=other):
                if has_fresh(inner) or has_fresh(other):
                    return True
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """`require condition, "message"` that could not be decided without a model's sizes."""

    condition: Scalar
    message: str | None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """An adapter's graph for one set of parameter values."""

    parameters: tuple[tuple[str, ScalarValue | None], ...]
    """Name and value, in the order of declaration; None where it depends on the module's sizes."""
    nodes: tuple[SpecNode, ...]
    result: int
    """Index of the node that is added to, or replaces, the module's output; of a prefix: keys and
    values side by side."""
    mode: Mode
    requirements: tuple[Requirement, ...]
    training: tuple[SpecTraining, ...] = ()
    """In the order of the text, in which proximal operators are applied."""
    control: Scalar | None = None
    """Where true, circuits are replaced by classical maps with as many parameters; None: no."""
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """`attach "glob" layers a..b with (…)`, or a word instead of the glob."""

    pattern: str
    portable: bool = field(default=False, metadata=ADDED_LATER)
    """Whether it is a word of `qcompile.ir.portable`, and no glob over names."""
    layers: tuple[int, int] | None
    """Half-open range of layer numbers; None: all."""
    body: int
    """Index into `AdapterSpec.bodies`."""
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """`shape 3584 -> 512`: the adapter is for one module of this size, no model needed."""

    in_features: int
    out_features: int
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterSpec:
    """One `adapter` of a file."""

    name: str
    attachments: tuple[Attachment, ...]
    """In order; a module takes the first attachment whose pattern matches it."""
    shape: Shape | None
    bodies: tuple[Body, ...]
    """`bodies[0]` is the adapter without overrides."""
    target: str | None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReference:
    """`model "DIR|config.json"`; a relative path is relative to the file that says it."""

    path: str
    """As resolved against the file's folder."""
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A whole compilation unit."""

    adapters: tuple[AdapterSpec, ...]
    targets: tuple[Target, ...]
    model: ModelReference | None
