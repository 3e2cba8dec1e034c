"""Matrices of gates as products of C + cos(t/2) K + sin(t/2) S."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qcompile.ir.circuit import Affine
from qcompile.ir.matrices import PAULIS, Matrix, multiply, scaled, total

IDENTITY: Matrix = (1, 0, 0, 1)
NULL: Matrix = (0, 0, 0, 0)


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


def rotation(letter: str, angle: Affine) -> Factor:
    """exp(-i t P / 2) for a letter P."""
    sine = scaled(-1j, PAULIS[letter])
    if angle.is_constant:
        turn, half = IDENTITY, angle.constant / 2
        return fixed(total(scaled(math.cos(half), turn), scaled(math.sin(half), sine)))
    return Factor(cosine=IDENTITY, sine=sine, angle=angle)


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


def _conjugate(a: Matrix) -> Matrix:
    return tuple(complex(entry).conjugate() for entry in a)
