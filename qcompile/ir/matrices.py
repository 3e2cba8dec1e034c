"""Matrices of one and two qubits as tuples, row by row: facts about gates need no numpy."""

from __future__ import annotations

import math
from functools import cache, reduce
from itertools import product
from typing import Literal

Matrix = tuple[complex, ...]
"""Square."""

PauliLetter = Literal["X", "Y", "Z"]

EXACT = 1e-12

PAULIS: dict[str, Matrix] = {
    "I": (1, 0, 0, 1), "X": (0, 1, 1, 0), "Y": (0, -1j, 1j, 0), "Z": (1, 0, 0, -1),
}  # fmt: skip


def side(matrix: Matrix) -> int:
    """Number of rows."""
    return math.isqrt(len(matrix))


def identity(size: int) -> Matrix:
    """(size, size)."""
    return tuple(int(row == column) for row in range(size) for column in range(size))


def multiply(a: Matrix, b: Matrix) -> Matrix:
    """a · b."""
    if len(a) == 4:
        return (
            a[0] * b[0] + a[1] * b[2],
            a[0] * b[1] + a[1] * b[3],
            a[2] * b[0] + a[3] * b[2],
            a[2] * b[1] + a[3] * b[3],
        )
    n = side(a)
    return tuple(
        sum(a[n * row + k] * b[n * k + column] for k in range(n))
        for row in range(n)
        for column in range(n)
    )


def scaled(factor: complex, a: Matrix) -> Matrix:
    """factor · a, exact zeros kept."""
    return tuple(factor * entry if entry else 0 for entry in a)


def total(*terms: Matrix) -> Matrix:
    """The sum of all."""
    return tuple(sum(entries) for entries in zip(*terms, strict=True))


def adjoint(a: Matrix) -> Matrix:
    """a†."""
    n = side(a)
    return tuple(complex(entry).conjugate() for row in range(n) for entry in a[row::n])


def kron(a: Matrix, b: Matrix) -> Matrix:
    """a on the more significant qubits, b on the others."""
    n, m = side(a), side(b)
    return tuple(
        a[n * i + k] * b[m * j + h]
        for i in range(n)
        for j in range(m)
        for k in range(n)
        for h in range(m)
    )


def select(zero: Matrix, one: Matrix) -> Matrix:
    """`zero` on the second qubit where the first is |0⟩, else `one`."""
    return total(kron((1, 0, 0, 0), zero), kron((0, 0, 0, 1), one))


def exchanged(a: Matrix) -> Matrix:
    """The same on the two qubits in the opposite order."""
    order = (0, 2, 1, 3)
    return tuple(a[4 * row + column] for row in order for column in order)


def all_strings(qubits: int) -> tuple[str, ...]:
    """All of them, the identity first."""
    return tuple(map("".join, product("IXYZ", repeat=qubits)))


@cache
def pauli_matrix(letters: str) -> Matrix:
    """`XZ`: X on the first qubit, Z on the second."""
    return reduce(kron, (PAULIS[letter] for letter in letters))


def is_zero(a: Matrix) -> bool:
    """Up to rounding."""
    return all(abs(entry) < EXACT for entry in a)


def close(a: Matrix, b: Matrix) -> bool:
    """Equal up to rounding."""
    return all(abs(x - y) < EXACT for x, y in zip(a, b, strict=True))


def trace(a: Matrix) -> complex:
    """The sum of the diagonal."""
    return sum(a[:: side(a) + 1])


def proportional(a: Matrix, b: Matrix) -> bool:
    """Whether two unitary matrices are equal up to a global phase."""
    return abs(abs(trace(multiply(adjoint(a), b))) - side(a)) < EXACT
