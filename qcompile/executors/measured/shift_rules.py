"""Parameter-shift rules, derived from the generators of a gate.

An expectation value is a trigonometric polynomial in each angle of each gate. Its frequencies are
the differences of the eigenvalues of the gate's generator, so that its derivative is a sum of
values at shifted angles (arXiv:1811.11184; arXiv:2107.12390 for any frequencies).
"""

from __future__ import annotations

from functools import cache
from itertools import product
from math import pi, sin

from qcompile.ir.gates import GATES, GateName, Term
from qcompile.ir.matrices import is_zero, scaled, total

ShiftRule = tuple[tuple[float, float], ...]
"""(shift, weight): the derivative at t is Σ weight · value at t + shift. Empty: it is zero."""

EQUAL = 1e-9
"""Frequencies this close are one."""

SCALES = (1.0, 0.9, 1.1, 0.8, 1.25, 0.7)
"""Of the equidistant shifts, for frequencies that are not equidistant."""


@cache
def shift_rule(name: GateName, place: int) -> ShiftRule:
    """The rule for one angle of a gate, with two values for each of its frequencies."""
    return rule_of(frequencies(name, place))


@cache
def frequencies(name: GateName, place: int) -> tuple[float, ...]:
    """The positive frequencies that an expectation value can have in one angle, ascending.

    Where the angle is in several factors of the gate, all sums of theirs.
    """
    found = {0.0}
    for term in GATES[name].terms:
        mix = term[3]
        factor = abs(dict(mix[1]).get(place, 0.0)) if mix is not None else 0.0
        if factor:
            own = [sign * factor * value for value in _gaps(term) for sign in (1.0, -1.0)]
            found = {first + second for first, second in product(found, (0.0, *own))}
    ascending: list[float] = []
    for value in sorted(found):
        if value > EQUAL and (not ascending or value - ascending[-1] > EQUAL):
            ascending.append(value)
    return tuple(ascending)


def _gaps(term: Term) -> tuple[float, ...]:
    """Frequencies in t of a factor C + cos(t/2) K + sin(t/2) S: e^{±it/2}, and 1 where C is not 0.

    A rotation has 1, a controlled one 1/2 and 1.
    """
    constant, cosine, sine, _ = term
    parts = (total(cosine, scaled(sign, sine)) for sign in (-1j, 1j))
    values = [half for half, part in zip((0.5, -0.5), parts, strict=True) if not is_zero(part)]
    if not is_zero(constant):
        values.append(0.0)
    return tuple({abs(a - b) for a in values for b in values if a != b})


def rule_of(ascending: tuple[float, ...]) -> ShiftRule:
    """The rule for given positive frequencies: ±x_1, …, ±x_R for R of them.

    A derivative sees the odd part Σ b sin(ωt) alone, so that the weights solve
    Σ w sin(ωx) = ω for every ω. Of a few choices of shifts, the one with the smallest weights,
    since they multiply the noise of shots. For 1, …, R these are the equidistant shifts of
    arXiv:2107.12390, whose weights nothing undercuts.
    """
    count = len(ascending)
    if not count:
        return ()
    best: tuple[float, list[float], list[float]] | None = None
    unit = ascending[-1] / count
    for scale in SCALES:
        shifts = [scale * (2 * k + 1) * pi / (2 * count * unit) for k in range(count)]
        rows = [[sin(value * shift) for shift in shifts] for value in ascending]
        weights = _solved(rows, list(ascending))
        if weights is not None:
            size = sum(map(abs, weights))
            if best is None or size < best[0] - EQUAL:
                best = size, shifts, weights
    assert best is not None
    return tuple(
        (sign * shift, 0.5 * sign * weight)
        for shift, weight in zip(best[1], best[2], strict=True)
        for sign in (1.0, -1.0)
    )


def _solved(rows: list[list[float]], right: list[float]) -> list[float] | None:
    """Gaussian elimination; None where the matrix is singular."""
    size = len(right)
    table = [[*row, value] for row, value in zip(rows, right, strict=True)]
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(table[row][column]))
        if abs(table[pivot][column]) < EQUAL:
            return None
        table[column], table[pivot] = table[pivot], table[column]
        for row in range(size):
            if row != column:
                factor = table[row][column] / table[column][column]
                table[row] = [
                    a - factor * b for a, b in zip(table[row], table[column], strict=True)
                ]
    return [table[row][size] / table[row][row] for row in range(size)]
