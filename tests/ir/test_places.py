"""The places that `scatter` draws: distinct, inside, and the same everywhere."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
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


@pytest.mark.parametrize(("total", "seed"), [(1, 0), (20, 5), (12_345, 777), (50_000, 2**32 - 1)])
def test_torch_draws_the_same(total: int, seed: int) -> None:
    expected = torch.randperm(total, generator=torch.Generator().manual_seed(seed))
    count = min(total, 1000)
    assert drawn_places(total, count, seed, "torch") == expected[:count].tolist()
