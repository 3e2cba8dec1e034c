"""Gates as diagonals, one-qubit matrices and permutations, all up to a global phase.

Every gate is a diagonal gate or a permutation between fixed one-qubit matrices, so that data only
ever enters through diagonals, which cost one complex product a token and amplitude:
RY(t) = S H RZ(t) H S†, and RX, RXX, RYY, RZX, CRX, CRY alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, assert_never

from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.factors import (
    HADAMARD,
    MINUS_I_X,
    MINUS_I_Y,
    MINUS_I_Z,
    PAULI_Y,
    SQUARE_ROOT_X,
    SQUARE_ROOT_X_INVERSE,
    Factor,
    fixed,
    rotation,
)

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

    kind: Literal["x", "cx", "swap"]
    qubits: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Depolarise:
    """ρ → (1 - p) ρ + p · 1/2^k ⊗ tr_k ρ; `qubits` are the k kets, then the k bras."""

    qubits: tuple[int, ...]
    probability: float


Primitive = Diagonal | Local | Turn | Permutation | Depolarise


def decompose(gate: Gate, *, real: bool) -> tuple[Primitive, ...]:
    """Primitives in the order in which they act; `real` keeps RY of data as a real rotation."""
    first, last = gate.qubits[0], gate.qubits[-1]
    match gate.name:
        case "x" | "cx" | "swap":
            return (Permutation(kind=gate.name, qubits=gate.qubits),)
        case "y":
            return (Local(qubit=first, factor=fixed(PAULI_Y)),)
        case "h":
            return (_hadamard(first),)
        case "sx":
            return (Local(qubit=first, factor=fixed(SQUARE_ROOT_X)),)
        case "sxdg":
            return (Local(qubit=first, factor=fixed(SQUARE_ROOT_X_INVERSE)),)
        case "z":
            return _phase(first, math.pi)
        case "s":
            return _phase(first, math.pi / 2)
        case "sdg":
            return _phase(first, -math.pi / 2)
        case "t":
            return _phase(first, math.pi / 4)
        case "tdg":
            return _phase(first, -math.pi / 4)
        case "phase":
            return _diagonal(((first, "n"),), gate.angles[0])
        case "rz":
            return _diagonal(((first, "z"),), gate.angles[0].times(-0.5))
        case "rx":
            return _rotation("X", first, gate.angles[0])
        case "ry":
            if real and gate.angles[0].data:
                return (Turn(qubit=first, angle=gate.angles[0]),)
            return _rotation("Y", first, gate.angles[0])
        case "rot":
            a, b, c = gate.angles
            return (
                *_rotation("Z", first, a),
                *_rotation("Y", first, b),
                *_rotation("Z", first, c),
            )
        case "cz":
            return _diagonal(_both(gate, "n", "n"), Affine(constant=math.pi))
        case "cphase":
            return _diagonal(_both(gate, "n", "n"), gate.angles[0])
        case "cy":
            return (
                *_phase(last, -math.pi / 2),
                Permutation(kind="cx", qubits=gate.qubits),
                *_phase(last, math.pi / 2),
            )
        case "ch":
            half = rotation(MINUS_I_Y, Affine(constant=math.pi / 4))
            back = rotation(MINUS_I_Y, Affine(constant=-math.pi / 4))
            return (
                Local(qubit=last, factor=back),
                *_diagonal(_both(gate, "n", "n"), Affine(constant=math.pi)),
                Local(qubit=last, factor=half),
            )
        case "iswap":
            return (
                Permutation(kind="swap", qubits=gate.qubits),
                *_diagonal(_both(gate, "z", "z"), Affine(constant=-math.pi / 4)),
            )
        case "crz":
            return _diagonal(_both(gate, "n", "z"), gate.angles[0].times(-0.5))
        case "crx":
            angle = gate.angles[0].times(-0.5)
            return _between("X", last, _diagonal(_both(gate, "n", "z"), angle))
        case "cry":
            angle = gate.angles[0].times(-0.5)
            return _between("Y", last, _diagonal(_both(gate, "n", "z"), angle))
        case "rzz" | "rzx" | "rxx" | "ryy":
            inner = _diagonal(_both(gate, "z", "z"), gate.angles[0].times(-0.5))
            if gate.name in ("rxx", "ryy"):
                inner = _between("X" if gate.name == "rxx" else "Y", first, inner)
            if gate.name != "rzz":
                inner = _between("Y" if gate.name == "ryy" else "X", last, inner)
            return inner
        case _:
            assert_never(gate.name)


def decompose_all(gates: Iterable[Gate], *, real: bool) -> list[Primitive]:
    """The primitives of all gates, in order."""
    return [primitive for gate in gates for primitive in decompose(gate, real=real)]


def to_z_basis(letter: Literal["X", "Y", "Z"], qubit: int) -> tuple[Primitive, ...]:
    """V† with V Z V† = letter."""
    if letter == "Z":
        return ()
    if letter == "X":
        return (_hadamard(qubit),)
    return (*_phase(qubit, -math.pi / 2), _hadamard(qubit))


def _between(
    letter: Literal["X", "Y"], qubit: int, inner: tuple[Primitive, ...]
) -> tuple[Primitive, ...]:
    if letter == "X":
        return (_hadamard(qubit), *inner, _hadamard(qubit))
    return (*to_z_basis("Y", qubit), *inner, _hadamard(qubit), *_phase(qubit, math.pi / 2))


def _rotation(letter: Literal["X", "Y", "Z"], qubit: int, angle: Affine) -> tuple[Primitive, ...]:
    if not angle.data:
        generator = {"X": MINUS_I_X, "Y": MINUS_I_Y, "Z": MINUS_I_Z}[letter]
        return (Local(qubit=qubit, factor=rotation(generator, angle)),)
    diagonal = _diagonal(((qubit, "z"),), angle.times(-0.5))
    return diagonal if letter == "Z" else _between(letter, qubit, diagonal)


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
    return Local(qubit=qubit, factor=fixed(HADAMARD))


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
