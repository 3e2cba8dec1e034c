"""Gates as diagonals, one-qubit matrices and permutations, all up to a global phase.

Every gate is a diagonal gate or a permutation between fixed one-qubit matrices, so that data only
ever enters through diagonals, which cost one complex product a token and amplitude:
RY(t) = S H RZ(t) H S†, and RX, RXX, RYY, RZX, CRX, CRY alike.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.decompose import short_parts
from qcompile.ir.factors import Factor, fixed, rotation
from qcompile.ir.gates import GATES, GateKind

Exchange = Literal["x", "cx", "swap"]
PAULI_LETTERS = ("X", "Y", "Z")

Generator = tuple[tuple[int, Literal["z", "n"]], ...]
"""Product over qubits of the eigenvalue of Z (1, -1) or of the number operator (0, 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagonal:
    """exp(i · angle · generator); `angle` depends on data alone, or not on data."""

    generator: Generator
    angle: Affine

    @property
    def qubits(self) -> tuple[int, ...]:
        return tuple(qubit for qubit, _ in self.generator)


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """A one-qubit matrix that does not depend on data."""

    qubit: int
    factor: Factor

    @property
    def qubits(self) -> tuple[int, ...]:
        return (self.qubit,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """RY of an angle that depends on data, kept real."""

    qubit: int
    angle: Affine

    @property
    def qubits(self) -> tuple[int, ...]:
        return (self.qubit,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permutation:
    """x on (target,), cx on (control, target), or swap."""

    kind: Exchange
    qubits: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Depolarise:
    """ρ → (1 - p) ρ + p · 1/2^k ⊗ tr_k ρ; `qubits` are the k kets, then the k bras."""

    qubits: tuple[int, ...]
    probability: float


Primitive = Diagonal | Local | Turn | Permutation | Depolarise


def decompose(gate: Gate, *, real: bool) -> tuple[Primitive, ...]:
    """Primitives in the order in which they act; `real` keeps RY of data as a real rotation."""
    kind = GATES[gate.name]
    first, last = gate.qubits[0], gate.qubits[-1]
    if gate.name in ("x", "cx", "swap"):
        return (Permutation(kind=cast(Exchange, gate.name), qubits=gate.qubits),)
    if kind.axis:
        return _axis(kind.axis, gate, real=real)
    if kind.matrix is not None and len(gate.qubits) == 1:
        if kind.diagonal:
            return _diagonal(((first, "n"),), Affine(constant=_phase_of(kind)))
        return (Local(qubit=first, factor=fixed(kind.matrix)),)
    inner = GATES[kind.controlled] if kind.controlled else None
    if inner is not None and inner.diagonal and not inner.angles:
        return _diagonal(_both(gate, "n", "n"), Affine(constant=_phase_of(inner)))
    if inner is not None and inner.axis == "N":
        return _diagonal(_both(gate, "n", "n"), gate.angles[0])
    if inner is not None and inner.axis:
        angle = gate.angles[0].times(-0.5)
        return _between(inner.axis, last, _diagonal(_both(gate, "n", "z"), angle))
    found: list[Primitive] = []
    for part in short_parts(gate):
        axis = GATES[part.name].axis
        if len(gate.qubits) == 1 and axis in PAULI_LETTERS:
            # Rotations of one qubit become one matrix.
            found += _rotation(axis, first, part.angles[0])
        else:
            found += decompose(part, real=real)
    return tuple(found)


def primitive_is_real(primitive: Primitive) -> bool:
    """Whether it has real entries alone."""
    match primitive:
        case Local(factor=factor):
            return factor.real
        case Diagonal(generator=generator, angle=angle):
            turns = angle.constant / math.pi
            whole = angle.is_constant and math.isclose(turns, round(turns), abs_tol=1e-12)
            return whole and all(kind == "n" for _, kind in generator)
        case _:
            return True


def _axis(axis: str, gate: Gate, *, real: bool) -> tuple[Primitive, ...]:
    first, last = gate.qubits[0], gate.qubits[-1]
    angle = gate.angles[0]
    if axis == "N":
        return _diagonal(((first, "n"),), angle)
    if axis == "Z":
        return _diagonal(((first, "z"),), angle.times(-0.5))
    if len(axis) == 1:
        if real and axis == "Y" and angle.data:
            return (Turn(qubit=first, angle=angle),)
        return _rotation(axis, first, angle)
    inner = _diagonal(_both(gate, "z", "z"), angle.times(-0.5))
    return _between(axis[1], last, _between(axis[0], first, inner))


def _phase_of(kind: GateKind) -> float:
    """Of |1⟩, for a diagonal gate of one qubit without angles."""
    return kind.turn[1] if kind.turn is not None else cmath.phase(kind.generic[3] / kind.generic[0])


def decompose_all(gates: Iterable[Gate], *, real: bool) -> list[Primitive]:
    """The primitives of all gates, in order."""
    return [primitive for gate in gates for primitive in decompose(gate, real=real)]


def to_z_basis(letter: str, qubit: int) -> tuple[Primitive, ...]:
    """V† with V Z V† = letter."""
    if letter == "Z":
        return ()
    if letter == "X":
        return (_hadamard(qubit),)
    return (*_phase(qubit, -math.pi / 2), _hadamard(qubit))


def _between(letter: str, qubit: int, inner: tuple[Primitive, ...]) -> tuple[Primitive, ...]:
    if letter == "Z":
        return inner
    if letter == "X":
        return (_hadamard(qubit), *inner, _hadamard(qubit))
    return (*to_z_basis("Y", qubit), *inner, _hadamard(qubit), *_phase(qubit, math.pi / 2))


def _rotation(letter: str, qubit: int, angle: Affine) -> tuple[Primitive, ...]:
    if not angle.data:
        return (Local(qubit=qubit, factor=rotation(letter, angle)),)
    return _between(letter, qubit, _diagonal(((qubit, "z"),), angle.times(-0.5)))


def _diagonal(generator: Generator, angle: Affine) -> tuple[Primitive, ...]:
    """Data apart from the rest: the data part of a re-uploaded layer is the same in every layer."""
    parts = (Affine(data=angle.data), Affine(constant=angle.constant, angles=angle.angles))
    return tuple(
        Diagonal(generator=tuple(sorted(generator)), angle=part)
        for part in parts
        if part != Affine()
    )


def _phase(qubit: int, angle: float) -> tuple[Primitive, ...]:
    return _diagonal(((qubit, "n"),), Affine(constant=angle))


def _hadamard(qubit: int) -> Primitive:
    return Local(qubit=qubit, factor=fixed(GATES["h"].generic))


def _both(gate: Gate, first: Literal["z", "n"], second: Literal["z", "n"]) -> Generator:
    return ((gate.qubits[0], first), (gate.qubits[1], second))


def conjugate(primitive: Primitive, shift: int) -> Primitive:
    """The complex conjugate, acting `shift` qubits further: on the bras of a density matrix."""
    match primitive:
        case Diagonal():
            generator = tuple((qubit + shift, kind) for qubit, kind in primitive.generator)
            return Diagonal(generator=generator, angle=primitive.angle.times(-1.0))
        case Local():
            return Local(qubit=primitive.qubit + shift, factor=primitive.factor.conjugate())
        case Permutation():
            qubits = tuple(qubit + shift for qubit in primitive.qubits)
            return Permutation(kind=primitive.kind, qubits=qubits)
        case Turn():
            return Turn(qubit=primitive.qubit + shift, angle=primitive.angle)
        case Depolarise():
            raise ValueError("a channel acts on kets and bras at once")


def one_qubit_factors(gate: Gate) -> tuple[Factor, ...]:
    """A one-qubit gate, whatever its angles depend on, first factor acting first."""
    kind = GATES[gate.name]
    if kind.matrix is not None:
        return (fixed(kind.matrix),)
    if kind.axis:
        return (rotation("Z" if kind.axis == "N" else kind.axis, gate.angles[0]),)
    return tuple(factor for part in short_parts(gate) for factor in one_qubit_factors(part))
