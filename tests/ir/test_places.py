"""The places that `scatter` draws: distinct, inside, and the same everywhere."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from qcompile.ir.ops.scatter import drawn_places


@given(st.integers(1, 40), st.data())
def test_distinct_and_inside(total: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, total))
    found = drawn_places(total, count, data.draw(st.integers(0, 9)))
    assert len(found) == len(set(found)) == count
    assert set(found) <= set(range(total))


def test_fixed() -> None:
    assert drawn_places(1000, 6, 0) == drawn_places(1000, 9, 0)[:6]
    assert drawn_places(1000, 6, 0) != drawn_places(1000, 6, 1)


def test_every_place_alike() -> None:
    counts = Counter(place for seed in range(2000) for place in drawn_places(5, 2, seed))
    assert all(700 < counts[place] < 900 for place in range(5))
