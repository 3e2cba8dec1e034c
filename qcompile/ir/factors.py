"""2×2 matrices of one-qubit gates as C + cos(t/2) K + sin(t/2) S, up to a global phase."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qcompile.ir.circuit import Affine, Gate

Matrix = tuple[complex, complex, complex, complex]
"""Row-major 2×2."""

ROOT = 0.5**0.5
IDENTITY: Matrix = (1, 0, 0, 1)
NULL: Matrix = (0, 0, 0, 0)
HADAMARD: Matrix = (ROOT, ROOT, ROOT, -ROOT)
SQUARE_ROOT_X: Matrix = (0.5 + 0.5j, 0.5 - 0.5j, 0.5 - 0.5j, 0.5 + 0.5j)
SQUARE_ROOT_X_INVERSE: Matrix = (0.5 - 0.5j, 0.5 + 0.5j, 0.5 + 0.5j, 0.5 - 0.5j)
PAULI_Y: Matrix = (0, -1j, 1j, 0)
MINUS_I_X: Matrix = (0, -1j, -1j, 0)
MINUS_I_Y: Matrix = (0, -1, 1, 0)
MINUS_I_Z: Matrix = (-1j, 0, 0, 1j)
PHASES: dict[str, complex] = {
    "z": -1,
    "s": 1j,
    "sdg": -1j,
    "t": ROOT + ROOT * 1j,
    "tdg": ROOT - ROOT * 1j,
}
"""The second diagonal entry of the fixed diagonal gates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """C + cos(t/2) K + sin(t/2) S; without an angle only C."""

    constant: Matrix = NULL
    cosine: Matrix = NULL
    sine: Matrix = NULL
    angle: Affine | None = None

    @property
    def real(self) -> bool:
        entries = (*self.constant, *self.cosine, *self.sine)
        return all(complex(entry).imag == 0 for entry in entries)

    def after(self, matrix: Matrix) -> Factor:
        """This factor times `matrix`, which acts first."""
        return Factor(
            constant=multiply(self.constant, matrix),
            cosine=multiply(self.cosine, matrix),
            sine=multiply(self.sine, matrix),
            angle=self.angle,
        )

    def before(self, matrix: Matrix) -> Factor:
        """`matrix` times this factor, which acts first."""
        return Factor(
            constant=multiply(matrix, self.constant),
            cosine=multiply(matrix, self.cosine),
            sine=multiply(matrix, self.sine),
            angle=self.angle,
        )

    def conjugate(self) -> Factor:
        return Factor(
            constant=_conjugate(self.constant),
            cosine=_conjugate(self.cosine),
            sine=_conjugate(self.sine),
            angle=self.angle,
        )


def fixed(matrix: Matrix) -> Factor:
    """A gate without angles."""
    return Factor(constant=matrix)


def rotation(generator: Matrix, angle: Affine) -> Factor:
    """cos(t/2) 1 + sin(t/2) (-i P) for generator = -i P."""
    if angle.is_constant:
        cosine, sine = math.cos(angle.constant / 2), math.sin(angle.constant / 2)
        a, b, c, d = (cosine * i + sine * g for i, g in zip(IDENTITY, generator, strict=True))
        return fixed((a, b, c, d))
    return Factor(cosine=IDENTITY, sine=generator, angle=angle)


def join(first: Factor, second: Factor) -> Factor | None:
    """`second` · `first` as one factor; None where both have angles."""
    if second.angle is None:
        return first.before(second.constant)
    if first.angle is None:
        return second.after(first.constant)
    return None


def append(chain: tuple[Factor, ...], factor: Factor) -> tuple[Factor, ...]:
    """The chain, first factor acting first, with one more; fixed matrices are folded in."""
    joined = join(chain[-1], factor) if chain else None
    return (*chain, factor) if joined is None else (*chain[:-1], joined)


def multiply(a: Matrix, b: Matrix) -> Matrix:
    return (
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
    )


def _conjugate(a: Matrix) -> Matrix:
    first, second, third, fourth = (complex(entry).conjugate() for entry in a)
    return (first, second, third, fourth)


def one_qubit_factors(gate: Gate) -> tuple[Factor, ...]:
    """A one-qubit gate, whatever its angles depend on, first factor acting first."""
    match gate.name:
        case "x":
            return (fixed((0, 1, 1, 0)),)
        case "y":
            return (fixed(PAULI_Y),)
        case "z" | "s" | "sdg" | "t" | "tdg":
            return (fixed((1, 0, 0, PHASES[gate.name])),)
        case "h":
            return (fixed(HADAMARD),)
        case "sx":
            return (fixed(SQUARE_ROOT_X),)
        case "sxdg":
            return (fixed(SQUARE_ROOT_X_INVERSE),)
        case "rx":
            return (rotation(MINUS_I_X, gate.angles[0]),)
        case "ry":
            return (rotation(MINUS_I_Y, gate.angles[0]),)
        case "rz" | "phase":
            return (rotation(MINUS_I_Z, gate.angles[0]),)
        case "rot":
            a, b, c = gate.angles
            return (rotation(MINUS_I_Z, a), rotation(MINUS_I_Y, b), rotation(MINUS_I_Z, c))
        case _:
            raise ValueError(gate.name)
