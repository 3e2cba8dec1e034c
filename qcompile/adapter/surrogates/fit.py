"""Polynomials that are fitted to what a circuit gives for calibration data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcompile.executors.polynomials.basis import Polynomial
from qcompile.ir.circuit import AmplitudeState, Circuit
from qcompile.passes.surrogates import LinearMap

Real = NDArray[np.float64]
Number = type[np.floating[Any]]

LEAST_ROWS = 50
MOST_ROWS = 2**13
"""That are fitted to; of more, some at equal distances."""

DICTIONARY = 2**22
"""Rows times products among which a fit chooses."""

MARGIN = 0.7
"""What a fit may have of the error on the rows that choose it, to have no more on others."""

PATIENCE = 12
"""Steps without a better score."""

RIDGES = (1e-12, 1e-10, 1e-8, 1e-6, 1e-4)
"""Of the largest eigenvalue."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Fit:
    """What was fitted, with its error on rows that neither fitted nor chose it."""

    replacement: LinearMap | Polynomial
    error: float
    """The largest of all held-out rows and outputs."""
    rms: float
    """The root of the mean of their squares."""


def held_out(rows: int) -> slice:
    """The last fifth: neighbours in a text are alike, so that whole texts are left out."""
    return slice(rows - rows // 5, rows)


def fitted(circuit: Circuit, data: Real, values: Real, error: float | None, dtype: Number) -> Fit:
    """The smallest fit within the error, or else the best.

    First a linear map of the data. Then a polynomial in the circuit's own cosines and sines, whose
    terms are chosen step by step, those most like what is still missing (orthogonal matching
    pursuit, with some at once), each time by ridge regression. Three fifths of the rows fit, one
    chooses, one says the error.

    Args:
        circuit: Whose data and frequencies count.
        data: (rows, data_width).
        values: (rows, outputs).
        error: Of any value.
        dtype: In which the result will be computed.
    """
    last = held_out(len(data))
    middle = slice(last.start - len(data) // 5, last.start)
    train = slice(0, middle.start, -(-middle.start // MOST_ROWS))
    rows = _Rows(values[train], values[middle], dtype)
    score, matrix = rows.solved(data[train], data[middle])
    form: LinearMap | Polynomial = LinearMap(matrix)
    if error is None or score > MARGIN * error:
        better = _pursued(
            _products(circuit, data.shape[1], len(data)), data, train, middle, rows, error
        )
        if better[0] < 0.9 * score:
            form = better[1]
    if isinstance(form, LinearMap):
        missing = rows.missing(data[last], form.matrix, values[last])
    else:
        missing = rows.missing(form.features(data[last]), form.coefficients, values[last])
    return Fit(
        replacement=form,
        error=float(np.abs(missing).max()),
        rms=float(np.sqrt(np.mean(missing**2))),
    )


def _pursued(
    dictionary: Polynomial,
    data: Real,
    train: slice,
    middle: slice,
    rows: _Rows,
    error: float | None,
) -> tuple[float, Polynomial]:
    fit_to, check_on = dictionary.features(data[train]), dictionary.features(data[middle])
    norms = np.linalg.norm(fit_to, axis=0)
    norms[norms == 0] = np.inf
    # The first product is that of no factors.
    chosen = np.zeros(dictionary.terms, dtype=bool)
    chosen[0] = True
    best: tuple[float, NDArray[np.bool_], Real] | None = None
    waited = 0
    while waited < PATIENCE and chosen.sum() <= len(fit_to) // 2:
        score, solution = rows.solved(fit_to[:, chosen], check_on[:, chosen])
        waited += 1
        if best is None or score < 0.98 * best[0]:
            best, waited = (score, chosen.copy(), solution), 0
        if chosen.all() or (error is not None and score <= MARGIN * error):
            break
        residual = rows.train - fit_to[:, chosen] @ solution.T
        alike = np.abs(fit_to.T @ residual).max(1) / norms
        alike[chosen] = -1.0
        step = 2 + int(chosen.sum()) // 8
        chosen[np.argsort(-alike, kind="stable")[:step]] = True
    assert best is not None
    score, chosen, solution = best
    form = replace(dictionary, products=dictionary.products[chosen], coefficients=solution)
    return score, form


def _products(circuit: Circuit, width: int, rows: int) -> Polynomial:
    """The products that the circuit can have, those of small degree first, without coefficients."""
    factors = [_factors(circuit, index) for index in range(width)]
    units = [min(found, default=1.0) for found in factors]
    # The spectrum ends where all uses of a datum add up.
    highest = [round(sum(found) / unit) for found, unit in zip(factors, units, strict=True)]
    frequencies = tuple(
        tuple(unit * (k + 1) for k in range(top)) for unit, top in zip(units, highest, strict=True)
    )
    amplitudes: tuple[int, int] | None = None
    pairs: tuple[tuple[int, int], ...] = ()
    tops = [2 * top for top in highest]
    if isinstance(circuit.initial, AmplitudeState):
        size = circuit.initial.width
        amplitudes = circuit.initial.offset, size
        pairs = tuple((i, j) for i in range(size) for j in range(i, size))
        tops.append(-len(pairs))
    most = max(1, DICTIONARY // min(rows, MOST_ROWS))
    of_degree = (row for degree in range(sum(highest) + 2) for row in _rows(degree, tops))
    products = list(islice(of_degree, most))
    return Polynomial(
        frequencies=frequencies,
        amplitudes=amplitudes,
        pairs=pairs,
        products=np.array(products, dtype=np.int32).reshape(len(products), -1),
        coefficients=np.zeros((circuit.outputs, len(products))),
        bounds=np.zeros(circuit.outputs),
    )


def _factors(circuit: Circuit, index: int) -> list[float]:
    """How strongly each angle depends on an element of the data."""
    return [
        abs(factor)
        for gate in circuit.gates
        for angle in gate.angles
        for datum, factor in angle.data
        if datum == index
    ]


def _rows(degree: int, tops: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Numbers of factors of a total degree.

    A cosine or sine of the k-th frequency counts k, a product of amplitudes, whose number of
    factors is given as negative, counts 1.
    """
    if not tops:
        if degree == 0:
            yield ()
        return
    for number in range(1 + abs(tops[0])):
        own = min(number, 1) if tops[0] < 0 else (number + 1) // 2
        if own <= degree:
            for rest in _rows(degree - own, tops[1:]):
                yield number, *rest


@dataclass(frozen=True, eq=False)
class _Rows:
    """Values (rows, outputs) to fit to, and others that choose."""

    train: Real
    middle: Real
    dtype: Number

    def missing(self, features: Real, coefficients: Real, values: Real) -> Real:
        found: Real = features.astype(self.dtype) @ coefficients.astype(self.dtype).T - values
        return found

    def solved(self, fit_to: Real, check_on: Real) -> tuple[float, Real]:
        """The largest error on the rows that choose, and coefficients (outputs, terms)."""
        sizes, axes = np.linalg.eigh(fit_to.T @ fit_to)
        turned = axes.T @ (fit_to.T @ self.train)
        best: tuple[float, Real] | None = None
        for ridge in RIDGES:
            damped = np.maximum(sizes, 0.0) + ridge * max(float(sizes[-1]), 1e-300)
            solution = (axes @ (turned / damped[:, None])).T
            score = float(np.abs(self.missing(check_on, solution, self.middle)).max())
            if best is None or score < best[0]:
                best = score, solution
        assert best is not None
        return best
