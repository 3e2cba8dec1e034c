"""Means over seeds, and differences of pairs that shared seed, data and order."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Of pairs: the mean with its t interval, and the p value of the two-sided t test."""

    pairs: int
    mean: float
    low: float
    high: float
    p: float


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean."""
    return sum(values) / len(values)


def deviation(values: Sequence[float]) -> float:
    """Standard deviation of a sample; nan for fewer than two values."""
    return statistics.stdev(values) if len(values) > 1 and all_finite(values) else math.nan


def all_finite(values: Sequence[float]) -> bool:
    """Whether no run diverged."""
    return all(math.isfinite(value) for value in values)


def paired(own: Sequence[float], other: Sequence[float]) -> Difference | None:
    """Own minus other, pair by pair; None for fewer than two pairs or where a run diverged."""
    if len(own) != len(other):
        raise ValueError(f"{len(own)} and {len(other)} values are no pairs")
    differences = [a - b for a, b in zip(own, other, strict=True)]
    if len(differences) < 2 or not all_finite(differences):
        return None
    from scipy.stats import t

    count = len(differences)
    centre = mean(differences)
    error = statistics.stdev(differences) / math.sqrt(count)
    reach = float(t.ppf(0.5 + CONFIDENCE / 2, count - 1)) * error
    if error == 0:
        p = 1.0 if centre == 0 else 0.0
    else:
        p = 2 * float(t.sf(abs(centre) / error, count - 1))
    return Difference(pairs=count, mean=centre, low=centre - reach, high=centre + reach, p=p)


def holm(values: Sequence[float]) -> list[float]:
    """p values adjusted for their number (Holm 1979): bounds the chance of any false finding."""
    order = sorted(range(len(values)), key=lambda index: values[index])
    adjusted = [0.0] * len(values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, values[index] * (len(values) - rank)))
        adjusted[index] = largest
    return adjusted
