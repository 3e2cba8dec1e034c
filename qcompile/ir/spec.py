"""Spec: what was meant. Names resolved, defaults filled, parameters evaluated; no model yet.

An adapter is a directed acyclic graph in SSA form: a tuple of nodes, operands are indices of
earlier nodes. Sizes are scalars that may still mention `in_features` and `out_features`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from qcompile.diagnostics.source import Span
from qcompile.ir.initialisation import Init
from qcompile.ir.scalar import Scalar, ScalarValue
from qcompile.ir.spec_circuit import Bank, CircuitItem, SpecCircuit
from qcompile.ir.target import Target
from qcompile.ir.training import SpecTraining

ActivationKind = Literal[
    "relu",
    "gelu",
    "silu",
    "tanh",
    "sigmoid",
    "sin",
    "cos",
    "exp",
    "softplus",
    "abs",
    "square",
    "step",
]


Mode = Literal["add", "replace", "prefix"]
"""What becomes of the result: it is added to the module's output, takes its place, or stands
before the keys and values of an attention module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecInput:
    """`x`: the input of the adapted module, (…, in_features)."""

    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecOutput:
    """`y`: the output of the adapted module by itself, (…, out_features)."""

    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecLinear:
    """`linear(x, to: n)`: y = W x (+ b), W: (to, width of x)."""

    operand: int
    to: Scalar
    bias: bool
    init: Init
    name: str
    """Prefix of the tensors' names, unique in the adapter: `h` gives `h.weight`, `h.bias`."""
    share: str | None
    """Key under which modules (and places) share the tensors; None: own tensors."""
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecApply:
    """`linear(x, to: n, weight: w)`: y = W x, W: (to, width of x) row by row from the value w."""

    operand: int
    weight: int
    to: Scalar
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecMpo:
    """`mpo(x, to: n, sites: k, bond: χ)`: a matrix product operator from the width of x to `to`.

    Core k has the shape (χ_k, out_k, in_k, χ_{k+1}) with χ_0 = χ_sites = 1.
    """

    operand: int
    to: Scalar
    sites: Scalar | None
    """Number of sites; None: as many as the given modes."""
    in_modes: tuple[Scalar, ...] | None
    out_modes: tuple[Scalar, ...] | None
    """Modes row-major; None: found for the width (see the pass that resolves modes)."""
    bonds: tuple[Scalar, ...]
    """One for all interior bonds, or one for each of the sites - 1 bonds."""
    init: Init
    name: str
    share: str | None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecTensorGates:
    """`tensor_gates(x, to: n, sites: k)`: dense tensors on pairs of axes; QuanTA, arXiv:2406.00132.

    The gate on the axes (i, j) is a matrix (d_i d_j) × (d_i d_j).
    """

    operand: int
    to: Scalar
    sites: Scalar | None
    """Number of axes; None: as many as the given modes."""
    modes: tuple[Scalar, ...] | None
    """Extents of the axes, row-major; None: found for the wider of operand and result."""
    pattern: str
    """A row of `qcompile.ir.patterns` that needs no device."""
    init: Init
    name: str
    share: str | None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecCayley:
    """`cayley(x, block: b)`: an orthogonal matrix on each b elements in a row; arXiv:2605.05914."""

    operand: int
    block: Scalar
    init: Init
    name: str
    share: str | None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecVector:
    """`vector(n, init: …)`: a trainable vector, the same for every token."""

    size: Scalar
    init: Init
    name: str
    share: str | None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecTable:
    """`table(rows, width, init: …)`: a trainable matrix, row by row."""

    rows: Scalar
    size: Scalar
    init: Init
    name: str
    share: str | None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecBits:
    """`bits(n)`: all numbers of n binary digits, one a row, the first digit most significant."""

    digits: Scalar
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecRows:
    """`rows(v, n)`: a value that is the same for every token, cut into n rows."""

    operand: int
    count: Scalar
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecFlat:
    """`flat(t)`: the rows of a table, one after the other."""

    operand: int
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecSum:
    """Elementwise sum; widths must agree."""

    operands: tuple[int, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecProduct:
    """Elementwise product; widths must agree."""

    operands: tuple[int, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecScale:
    """A number times a value."""

    operand: int
    factor: Scalar
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecShift:
    """A number added to every element of a value."""

    operand: int
    offset: Scalar
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecConcat:
    """`concat(a, b, …)` along the feature axis."""

    operands: tuple[int, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecSlice:
    """`a[start : stop]` along the feature axis; None: from the start, to the end. Half-open."""

    operand: int
    start: Scalar | None
    stop: Scalar | None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecResize:
    """`resize(a, n)`: the first n elements, or all of them and zeros behind."""

    operand: int
    to: Scalar
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecActivation:
    """An elementwise function."""

    operand: int
    kind: ActivationKind
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecDropout:
    """`dropout(a, p)`: zeroes with probability p in training and scales by 1 / (1 - p)."""

    operand: int
    probability: Scalar
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecCircuitValue:
    """`circuit(n qubits) { … }`: the read-out of a quantum circuit fed with `operands`."""

    operands: tuple[int, ...]
    """Data values; items of the circuit refer to them by position in this tuple."""
    circuit: SpecCircuit
    name: str
    share: str | None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecUnitary:
    """`unitary(v, to: n) { … }`: the first n entries of U v, or of Uᵀ v where `adjoint`.

    v is zero-padded to N, the larger of its width and n. U is the matrix of the gates, which are
    real and without data; see `qcompile.ir.orthogonal` where N is no power of two.
    """

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
    span: Span | None = field(default=None, compare=False, repr=False)


SpecNode = (
    SpecInput
    | SpecOutput
    | SpecLinear
    | SpecApply
    | SpecMpo
    | SpecTensorGates
    | SpecCayley
    | SpecVector
    | SpecTable
    | SpecBits
    | SpecRows
    | SpecFlat
    | SpecSum
    | SpecProduct
    | SpecScale
    | SpecShift
    | SpecConcat
    | SpecSlice
    | SpecResize
    | SpecActivation
    | SpecDropout
    | SpecCircuitValue
    | SpecUnitary
)


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
    """`attach "glob" layers a..b with (…)`."""

    pattern: str
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
