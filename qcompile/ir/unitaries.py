"""Matrices that a file gives for gates: how far they are from unitary, and what they are made of.

Rows and columns as everywhere: the first qubit is the most significant bit.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence

from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.matrices import EXACT, Matrix, adjoint, side, total

UNITARY = 1e-6
"""How far a matrix may be from the nearest unitary one, which it then stands for: seven digits of
each entry suffice."""

_MOST_STEPS = 100


def nearest_unitary(matrix: Matrix) -> Matrix | None:
    """The unitary factor of the polar decomposition; None where the matrix is singular.

    Newton's iteration X ← (X + X^-†) / 2 (Higham 1986), which converges for every other matrix.
    """
    found = tuple(complex(entry) for entry in matrix)
    for _ in range(_MOST_STEPS):
        inverted = _inverse(adjoint(found))
        if inverted is None:
            return None
        following = tuple(0.5 * entry for entry in total(found, inverted))
        change = distance(found, following)
        found = following
        if change < 1e-14:
            break
    return found


def distance(a: Matrix, b: Matrix) -> float:
    """The Frobenius norm of a - b."""
    return math.sqrt(sum(abs(x - y) ** 2 for x, y in zip(a, b, strict=True)))


def matrix_is_real(matrix: Matrix) -> bool:
    """No entry has an imaginary part."""
    return all(abs(complex(entry).imag) < EXACT for entry in matrix)


def one_qubit_gates(matrix: Matrix) -> tuple[Gate, ...]:
    """Gates on qubit 0 that make a unitary matrix (4 entries) up to a global phase.

    A real matrix is made of real gates, exactly: `z` where it is a reflection, then `ry`.
    """
    upper, lower = complex(matrix[0]), complex(matrix[2])
    if matrix_is_real(matrix):
        turned = Gate(
            name="ry", qubits=(0,), angles=(_number(2 * math.atan2(lower.real, upper.real)),)
        )
        determinant = complex(matrix[0] * matrix[3] - matrix[1] * matrix[2]).real
        return (turned,) if determinant > 0 else (Gate(name="z", qubits=(0,)), turned)
    # Up to a phase RZ(c) RY(b) RZ(a) has |cos(b/2)| and |sin(b/2)| in its first column.
    middle = 2 * math.atan2(abs(lower), abs(upper))
    root = cmath.sqrt(matrix[0] * matrix[3] - matrix[1] * matrix[2])
    summed = -2 * cmath.phase(upper / root) if abs(upper) > EXACT else 0.0
    difference = 2 * cmath.phase(lower / root) if abs(lower) > EXACT else 0.0
    angles = ((summed - difference) / 2, middle, (summed + difference) / 2)
    return (Gate(name="rot", qubits=(0,), angles=tuple(_number(angle) for angle in angles)),)


def real_two_qubit_gates(matrix: Matrix) -> tuple[Gate, ...]:
    """Real gates on qubits 0 and 1 that make an orthogonal matrix (16 entries) exactly.

    Givens rotations between basis states that differ in one bit, each a controlled RY.
    """
    rows = [[complex(entry).real for entry in matrix[4 * row : 4 * row + 4]] for row in range(4)]
    steps: list[tuple[Gate, ...]] = []
    for column in range(3):
        for place in (2, 1, 0)[: 3 - column]:
            upper, lower = _GRAY[place], _GRAY[place + 1]
            turn = math.atan2(rows[lower][_GRAY[column]], rows[upper][_GRAY[column]])
            if abs(turn) < EXACT:
                continue
            _rotate(rows, upper, lower, turn)
            steps.append(_between(place, 2 * turn))
    reflected = rows[_GRAY[3]][_GRAY[3]] < 0
    # -1 on |10⟩ alone: z on the first qubit, taken back on |11⟩.
    found = [Gate(name="z", qubits=(0,)), Gate(name="cz", qubits=(0, 1))] * reflected
    return (*found, *(gate for step in reversed(steps) for gate in step))


_GRAY = (0, 1, 3, 2)
"""Basis states in an order in which neighbours differ in one bit."""


def _between(place: int, angle: float) -> tuple[Gate, ...]:
    """RY(angle) of the neighbours at that place of `_GRAY`, the first one as |0⟩."""
    control, target, sign = ((0, 1, 1.0), (1, 0, 1.0), (0, 1, -1.0))[place]
    turn = Gate(name="cry", qubits=(control, target), angles=(_number(sign * angle),))
    exchange = Gate(name="x", qubits=(0,))
    return (exchange, turn, exchange) if place == 0 else (turn,)


def _rotate(rows: list[list[float]], upper: int, lower: int, turn: float) -> None:
    """Turn two rows so that the pivot of the lower one becomes zero."""
    cosine, sine = math.cos(turn), math.sin(turn)
    above, below = rows[upper], rows[lower]
    rows[upper] = [cosine * a + sine * b for a, b in zip(above, below, strict=True)]
    rows[lower] = [cosine * b - sine * a for a, b in zip(above, below, strict=True)]


def _number(value: float) -> Affine:
    return Affine(constant=value)


def _inverse(matrix: Matrix) -> Matrix | None:
    """By Gauss-Jordan elimination with row pivots."""
    size = side(matrix)
    rows: list[list[complex]] = [
        [*matrix[size * row : size * row + size], *(float(row == k) for k in range(size))]
        for row in range(size)
    ]
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(rows[row][column]))
        if abs(rows[pivot][column]) < EXACT:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [entry / rows[column][column] for entry in rows[column]]
        for row in range(size):
            if row != column:
                rows[row] = _less(rows[row], rows[column], rows[row][column])
    return tuple(entry for row in rows for entry in row[size:])


def _less(row: Sequence[complex], pivot: Sequence[complex], factor: complex) -> list[complex]:
    return [a - factor * b for a, b in zip(row, pivot, strict=True)]
