"""Products of cosines and sines of data, the functions that the read-out of a circuit is a sum of.

A product has a number for each element of the data: 0 where the element is not in it, 1 + 2k for
cos(ω_k z), 2 + 2k for sin(ω_k z). With amplitude encoding a last number follows: 1 + n for the n-th
product u_i u_j of two amplitudes, which are u = z / ‖z‖, or 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Whole = NDArray[np.int32]
"""Numbers of factors."""

SAME = 1e-12
"""Frequencies that differ by less, relative to 1 or themselves, are one."""


class Frequencies:
    """Those of one element of the data, in the order in which they were met."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def place(self, frequency: float) -> int:
        """Which one it is; positive."""
        for k, known in enumerate(self.values):
            if abs(known - frequency) <= SAME * max(1.0, known):
                return k
        self.values.append(frequency)
        return len(self.values) - 1

    def times(self, frequency: float, *, sine: bool) -> tuple[NDArray[np.int32], Real]:
        """What a factor becomes by another: (factors, 2) numbers and coefficients of a sum of two.

        cos(ω z), or sin(ω z), times each factor that there is.
        """
        sign = 1.0 if frequency >= 0 else -1.0
        frequency = abs(frequency)
        count = 1 + 2 * len(self.values)
        numbers = np.zeros((count, 2), dtype=np.int32)
        scales = np.zeros((count, 2))
        turned = sign if sine else 1.0
        numbers[0, 0], scales[0, 0] = self._factor(frequency, sine), turned
        for number in range(1, count):
            own, own_sine = self.values[(number - 1) // 2], number % 2 == 0
            # 2 sin a sin b = cos(a - b) - cos(a + b), and so on, a being the factor's.
            less, more = own - frequency, own + frequency
            if own_sine == sine:
                parts = ((less, False, 1.0), (more, False, -1.0 if sine else 1.0))
            else:
                parts = ((less, True, 1.0 if own_sine else -1.0), (more, True, 1.0))
            for place, (value, is_sine, scale) in enumerate(parts):
                scale = 0.5 * turned * scale * (-1.0 if is_sine and value < 0 else 1.0)
                if abs(value) <= SAME * max(1.0, frequency):
                    numbers[number, place] = 0
                    scales[number, place] = 0.0 if is_sine else scale
                else:
                    numbers[number, place] = self._factor(abs(value), is_sine)
                    scales[number, place] = scale
        return numbers, scales

    def _factor(self, frequency: float, sine: bool) -> int:
        return 1 + 2 * self.place(frequency) + sine


@dataclass(frozen=True, eq=False, kw_only=True)
class Polynomial:
    """(…, data_width) → (…, outputs): sums of products."""

    frequencies: tuple[tuple[float, ...], ...]
    """Of each element of the data."""
    amplitudes: tuple[int, int] | None
    """(offset, width) of the data that are encoded as amplitudes."""
    pairs: tuple[tuple[int, int], ...]
    """(i, j) of the products of amplitudes."""
    products: Whole
    """(terms, factors), see the module."""
    coefficients: Real
    """(outputs, terms)."""
    bounds: Real
    """(outputs,): what was left out is at most this, whatever the data."""

    @property
    def terms(self) -> int:
        return len(self.products)

    @property
    def bound(self) -> float:
        return float(self.bounds.max(initial=0.0))

    def features(self, data: Real) -> Real:
        """The value of each product, (rows, terms), for data (rows, data_width)."""
        result = np.ones((len(data), self.terms))
        for column, frequencies in enumerate(self.frequencies):
            phases = data[:, [column]] * np.array(frequencies)
            table = np.ones((len(data), 1 + 2 * len(frequencies)))
            table[:, 1::2], table[:, 2::2] = np.cos(phases), np.sin(phases)
            result *= table[:, self.products[:, column]]
        if self.amplitudes is not None:
            offset, width = self.amplitudes
            given = data[:, offset : offset + width]
            norm = np.linalg.norm(given, axis=1, keepdims=True)
            unit = given / np.where(norm == 0, 1.0, norm)
            table = np.ones((len(data), 1 + len(self.pairs)))
            for number, (i, j) in enumerate(self.pairs, 1):
                table[:, number] = unit[:, i] * unit[:, j]
            result *= table[:, self.products[:, -1]]
        return result

    def __call__(self, data: Real) -> Real:
        """(rows, data_width) → (rows, outputs)."""
        values: Real = self.features(data) @ self.coefficients.T
        return values


@cache
def _mixers(count: int) -> NDArray[np.int64]:
    """Random numbers: their products with rows of integers, modulo 2^64, are hashes."""
    return np.random.default_rng(0).integers(-(2**62), 2**62, count)


def _groups(keys: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The first row of each group of equal keys, and the group of each row."""
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    return first, place.reshape(-1)


def merged_rows(rows: NDArray[Any], coefficients: Real) -> tuple[NDArray[Any], Real]:
    """Equal rows as one, with the sum of their coefficients."""
    if len(rows) == 0 or rows.shape[1] == 0:
        return rows[:1], coefficients.sum(keepdims=True)[: len(rows)]
    first, place = _groups(rows @ _mixers(rows.shape[1]))
    if not (rows == rows[first[place]]).all():
        # Two rows with the same hash: almost never.
        packed = np.ascontiguousarray(rows)
        first, place = _groups(packed.view(np.dtype((np.void, packed.itemsize * rows.shape[1]))))
    totals: Real = np.bincount(place, coefficients, len(first)).astype(np.float64)
    return rows[first], totals
