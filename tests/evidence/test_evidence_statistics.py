"""Differences of pairs and their correction, beside scipy and by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.statistics import deviation, holm, paired

values = st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10)), min_size=3, max_size=8).filter(
    lambda pairs: len({round(a - b, 3) for a, b in pairs}) > 1
)


@given(values)
def test_paired_is_scipys_t_test(pairs: list[tuple[float, float]]) -> None:
    from scipy import stats

    own, other = [a for a, _ in pairs], [b for _, b in pairs]
    found = paired(own, other)
    expected = stats.ttest_rel(own, other)
    reach = expected.confidence_interval(0.95)
    assert found is not None
    assert found.p == pytest.approx(expected.pvalue, abs=1e-9)
    assert (found.low, found.high) == pytest.approx((reach.low, reach.high), rel=1e-6, abs=1e-9)


def test_pairs_that_cannot_be_compared() -> None:
    assert paired([1.0], [2.0]) is None
    assert paired([1.0, math.inf], [2.0, 3.0]) is None
    same = paired([1.0, 2.0], [1.0, 2.0])
    assert same is not None and (same.mean, same.low, same.high, same.p) == (0, 0, 0, 1)
    with pytest.raises(ValueError, match="no pairs"):
        paired([1.0], [1.0, 2.0])


def test_holm_by_hand() -> None:
    # 4 · 0.005, 3 · 0.01, then 2 · 0.03, and 0.04, which must not fall below the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_deviation_of_one_value_is_not_a_number() -> None:
    assert math.isnan(deviation([1.0]))
    assert deviation([1.0, 3.0]) == pytest.approx(math.sqrt(2))
