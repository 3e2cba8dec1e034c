"""A Pauli string carried back through a circuit, its coefficients polynomials of the data.

In the Heisenberg picture a gate takes a string to a sum of strings: a Clifford gate to one, a turn
by an angle t to at most two, with cos t and sin t. Where t holds data these become factors of the
coefficient. No state is needed, and what is left out has a bound: strings have values from -1 to 1,
and so have cosines and sines (arXiv:2308.09109; polynomials: arXiv:2008.08605).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qcompile.executors.polynomials.basis import Frequencies, Real, Whole, merged_rows
from qcompile.executors.transfer.elements import Element
from qcompile.executors.transfer.program import PLANES, AngleTurn, Fixed
from qcompile.ir.circuit import Affine
from qcompile.ir.matrices import PauliLetter

ROUNDING = 1e-15
"""Coefficients below are rounding errors; they are counted as left out all the same."""

Letters = NDArray[np.int32]
"""I, X, Y, Z as 0 to 3."""


Product = tuple[float, tuple[tuple[int, float, bool], ...]]
"""A number times cosines and sines: (element of the data, frequency, whether it is a sine)."""


class TooManyTerms(Exception):
    """A circuit has no polynomial within the limits; says why."""


@dataclass(eq=False)
class StringTerms:
    """Σ coefficient · product of factors · string."""

    letters: Letters
    """(terms, qubits)."""
    products: Whole
    """(terms, factors)."""
    coefficients: Real
    dropped: float = 0.0
    """Σ |coefficient| of what was left out."""

    def __len__(self) -> int:
        return len(self.coefficients)

    def take(self, chosen: NDArray[np.intp], scales: Real) -> StringTerms:
        """Some of them, with repeats, each times a number."""
        return StringTerms(
            letters=self.letters[chosen],
            products=self.products[chosen],
            coefficients=self.coefficients[chosen] * scales,
            dropped=self.dropped,
        )

    def merged(self) -> StringTerms:
        rows = np.concatenate((self.letters, self.products), 1)
        rows, coefficients = merged_rows(rows, self.coefficients)
        qubits = self.letters.shape[1]
        return StringTerms(rows[:, :qubits], rows[:, qubits:], coefficients, self.dropped)

    def truncated(self, allowed: float, limit: int) -> StringTerms:
        """Without the smallest, as long as all that was ever left out stays below `allowed`.

        No more than `limit` are kept, whatever that costs.
        """
        sizes = np.abs(self.coefficients)
        if allowed <= self.dropped and len(self) <= limit:
            small = sizes < ROUNDING
            left = self.take(np.nonzero(~small)[0], np.ones(int((~small).sum())))
            left.dropped += float(sizes[small].sum())
            return left
        order = np.argsort(sizes, kind="stable")
        left_out = np.cumsum(sizes[order])
        count = int(np.searchsorted(left_out, allowed - self.dropped, "right"))
        count = max(count, int((sizes < ROUNDING).sum()), len(self) - limit)
        if count == 0:
            return self
        kept = np.sort(order[count:])
        dropped = self.dropped + float(left_out[count - 1])
        return StringTerms(
            self.letters[kept], self.products[kept], self.coefficients[kept], dropped
        )


def propagate(
    elements: Sequence[Element],
    string: Sequence[tuple[int, PauliLetter]],
    qubits: int,
    frequencies: Sequence[Frequencies],
    *,
    budget: float,
    limit: int,
    from_zero: bool,
    strict: bool,
) -> StringTerms:
    """The string as an observable of the initial state.

    Args:
        elements: The circuit in the order of time, its trainable angles known.
        string: (qubit, letter).
        qubits: Of the circuit.
        frequencies: Of each element of the data, which are added to.
        budget: What may be left out, as a bound on the value.
        limit: The most terms at any time.
        from_zero: The initial state is |0…0⟩: strings become numbers.
        strict: Give up where the budget does not suffice.

    Raises:
        TooManyTerms: Only with `strict`.
    """
    letters = np.zeros((1, qubits), dtype=np.int32)
    for qubit, letter in string:
        letters[0, qubit] = "IXYZ".index(letter)
    terms = StringTerms(letters, np.zeros((1, len(frequencies)), dtype=np.int32), np.ones(1))
    first: dict[int, int] = {}
    for number, element in enumerate(elements):
        for qubit in element.qubits:
            first.setdefault(qubit, number)
    if from_zero:
        terms = _at_zero(terms, [qubit for qubit in range(qubits) if qubit not in first])
    for number in range(len(elements) - 1, -1, -1):
        element = elements[number]
        if not terms.letters[:, element.qubits].any():
            continue
        before = len(terms)
        terms = _through(terms, element, frequencies)
        ended = [qubit for qubit in element.qubits if first[qubit] == number]
        if from_zero and ended:
            terms = _at_zero(terms, ended)
        if ended or len(terms) != before:
            # A share of the budget for every step, the rest at the end.
            allowed = budget * (len(elements) - number) / (len(elements) + 1)
            terms = terms.merged().truncated(allowed, limit)
            if strict and terms.dropped > max(budget, ROUNDING * limit):
                raise TooManyTerms(f"more than {limit:,} terms are needed on the way")
    return terms


def _at_zero(terms: StringTerms, qubits: Sequence[int]) -> StringTerms:
    """On qubits in |0⟩: Z is 1, X and Y are 0."""
    gone = np.isin(terms.letters[:, qubits], (1, 2)).any(1)
    left = terms.take(np.nonzero(~gone)[0], np.ones(int((~gone).sum())))
    left.letters[:, qubits] = 0
    return left


def _through(
    terms: StringTerms, element: Element, frequencies: Sequence[Frequencies]
) -> StringTerms:
    if isinstance(element.what, Fixed):
        return _through_matrix(terms, element.what.matrix, element.qubits)
    return _through_turn(terms, element.what, element.qubits, frequencies)


def _through_matrix(terms: StringTerms, matrix: Real, qubits: tuple[int, ...]) -> StringTerms:
    """A string is the row of its letters."""
    local = np.zeros(len(terms), dtype=np.intp)
    for qubit in qubits:
        local = 4 * local + terms.letters[:, qubit]
    matrix = np.where(np.abs(matrix) < ROUNDING, 0.0, matrix)
    counts = np.count_nonzero(matrix, axis=1)
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    _, columns = np.nonzero(matrix)
    values = matrix[matrix != 0]
    chosen = np.repeat(np.arange(len(terms)), counts[local])
    ends = np.cumsum(counts[local])
    within = np.arange(len(chosen)) - np.repeat(ends - counts[local], counts[local])
    places = starts[local][chosen] + within
    found = terms.take(chosen, values[places])
    new = columns[places]
    for qubit in reversed(qubits):
        found.letters[:, qubit] = new % 4
        new = new // 4
    return found


def _through_turn(
    terms: StringTerms, turn: AngleTurn, qubits: tuple[int, ...], frequencies: Sequence[Frequencies]
) -> StringTerms:
    qubit = qubits[turn.place]
    first, second = PLANES[turn.axis]
    letters = terms.letters[:, qubit]
    turned = np.nonzero((letters == first) | (letters == second))[0]
    alone = np.nonzero((letters != first) & (letters != second))[0]
    if len(turned) == 0:
        return terms
    kept = terms.take(turned, np.ones(len(turned)))
    # first → cos first - sin second, second → cos second + sin first.
    was_first = kept.letters[:, qubit] == first
    other = kept.take(np.arange(len(turned)), np.where(was_first, -1.0, 1.0))
    other.letters[:, qubit] = np.where(was_first, second, first)
    parts = [terms.take(alone, np.ones(len(alone)))]
    parts += _times(kept, turn.angle, frequencies, sine=False)
    parts += _times(other, turn.angle, frequencies, sine=True)
    return StringTerms(
        letters=np.concatenate([part.letters for part in parts]),
        products=np.concatenate([part.products for part in parts]),
        coefficients=np.concatenate([part.coefficients for part in parts]),
        dropped=terms.dropped,
    )


def _times(
    terms: StringTerms, angle: Affine, frequencies: Sequence[Frequencies], *, sine: bool
) -> Iterator[StringTerms]:
    """Times the cosine or sine of an affine angle, written as a sum of products."""
    cosine_sum: list[Product] = [(math.cos(angle.constant), ())]
    sine_sum: list[Product] = [(math.sin(angle.constant), ())]
    for index, factor in angle.data:
        c, s = (index, factor, False), (index, factor, True)
        cosine_sum, sine_sum = (
            [(a, (*p, c)) for a, p in cosine_sum] + [(-a, (*p, s)) for a, p in sine_sum],
            [(a, (*p, c)) for a, p in sine_sum] + [(a, (*p, s)) for a, p in cosine_sum],
        )
    for scale, factors in sine_sum if sine else cosine_sum:
        if abs(scale) >= ROUNDING:
            found = terms.take(np.arange(len(terms)), np.full(len(terms), scale))
            for index, frequency, is_sine in factors:
                found = _times_factor(found, index, frequencies[index], frequency, is_sine)
            yield found


def _times_factor(
    terms: StringTerms, index: int, known: Frequencies, frequency: float, sine: bool
) -> StringTerms:
    numbers, scales = known.times(frequency, sine=sine)
    own = terms.products[:, index]
    found = []
    for place in (0, 1):
        chosen = np.nonzero(scales[own, place])[0]
        part = terms.take(chosen, scales[own[chosen], place])
        part.products[:, index] = numbers[own[chosen], place]
        found.append(part)
    return StringTerms(
        letters=np.concatenate([part.letters for part in found]),
        products=np.concatenate([part.products for part in found]),
        coefficients=np.concatenate([part.coefficients for part in found]),
        dropped=terms.dropped,
    )
