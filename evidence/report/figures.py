"""Numbers as the page shows them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evidence.statistics import Difference, all_finite, deviation, mean


def spread(values: Sequence[float], digits: int) -> str:
    """Mean ± standard deviation; `diverged` where a run did."""
    if not values:
        return "–"
    if not all_finite(values):
        return "diverged"
    sd = deviation(values)
    centre = f"{mean(values):.{digits}f}"
    return centre if math.isnan(sd) else f"{centre} ± {sd:.{digits}f}"


def interval(difference: Difference | None, digits: int) -> str:
    """Mean difference with its interval, signs always shown."""
    if difference is None:
        return "–"
    low, high = signed(difference.low, digits), signed(difference.high, digits)
    return f"{signed(difference.mean, digits)} [{low}, {high}]"


def signed(value: float, digits: int) -> str:
    """With a sign, but a zero without."""
    text = f"{value:+.{digits}f}"
    return text[1:].replace("-", "") if float(text) == 0 else text.replace("-", "−")


def megabytes(value: float | None) -> str:
    """Bytes as MB with one digit."""
    return "–" if value is None else f"{value / 1e6:.1f}"


def number(value: float | None, digits: int) -> str:
    """A plain figure."""
    return "–" if value is None else f"{value:.{digits}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> list[str]:
    """A Markdown table; the first `words` columns to the left, the others to the right."""
    marks = [*["---"] * words, *["---:"] * (len(head) - words)]
    return [f"| {' | '.join(cells)} |" for cells in (head, marks, *rows)]


def listing(names: Sequence[str]) -> str:
    """`a`, `b` and `c`."""
    quoted = [f"`{name}`" for name in names]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"
