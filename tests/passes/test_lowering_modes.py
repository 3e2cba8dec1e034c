"""Modes for every width."""

from __future__ import annotations

import math

import pytest

from qcompile.ir.modes import least_sum, padding, resolve_modes

PUBLISHED = {
    256: (4, 4, 4, 4),
    512: (8, 4, 4, 4),
    1024: (8, 8, 4, 4),
    2048: (8, 8, 8, 4),
    2560: (8, 8, 8, 5),
    3584: (8, 8, 8, 7),
    4096: (8, 8, 8, 8),
    5120: (10, 8, 8, 8),
    18944: (37, 8, 8, 8),
    20480: (40, 8, 8, 8),
    27648: (27, 16, 8, 8),
}


@pytest.mark.parametrize(("width", "modes"), PUBLISHED.items())
def test_published_widths_have_the_published_modes(width: int, modes: tuple[int, ...]) -> None:
    assert resolve_modes(width, 4) == modes


@pytest.mark.parametrize("sites", range(2, 7))
def test_every_width_is_held_with_little_padding_and_small_cores(sites: int) -> None:
    for width in range(1, 5001):
        modes = resolve_modes(width, sites)
        assert len(modes) == sites
        assert list(modes) == sorted(modes, reverse=True)
        assert padding(width, modes) >= 0
        assert padding(width, modes) <= max(1, width // 10)
        # Balanced: no cores much larger than those of the least padding-free ideal.
        assert sum(modes) <= 1.5 * least_sum(width, sites)


@pytest.mark.parametrize(("width", "sites"), [(12, 2), (30, 3), (36, 2), (210, 4), (4999, 4)])
def test_exact_modes_have_the_least_sum_of_all_factorisations(width: int, sites: int) -> None:
    modes = resolve_modes(width, sites)
    product = math.prod(modes)

    def every(rest: int, count: int) -> list[int]:
        if count == 1:
            return [rest]
        return [
            factor + others
            for factor in range(1, rest + 1)
            if rest % factor == 0
            for others in every(rest // factor, count - 1)
        ]

    assert sum(modes) == min(every(product, sites))


@pytest.mark.parametrize(("width", "sites"), [(7, 2), (29, 2), (100, 3), (4999, 4), (1, 5)])
def test_least_sum_is_that_of_an_exhaustive_search(width: int, sites: int) -> None:
    def reach(total: int, count: int) -> int:
        """The largest product of `count` modes with this sum."""
        low, raised = divmod(total, count)
        return int((low + 1) ** raised * low ** (count - raised))

    best = least_sum(width, sites)
    assert reach(best, sites) >= width
    assert best == sites or reach(best - 1, sites) < width


def test_primes_are_padded_to_the_next_balanced_width() -> None:
    assert resolve_modes(11, 2) == (4, 3)
    assert resolve_modes(4999, 4) == (10, 10, 10, 5)
    assert resolve_modes(2, 6) == (2, 1, 1, 1, 1, 1)


@pytest.mark.parametrize("width", [10**9 + 7, 2**36 - 5, 151_936, 128_256])
@pytest.mark.parametrize("sites", [1, 2, 4, 6, 64])
def test_huge_widths_are_no_trouble(width: int, sites: int) -> None:
    modes = resolve_modes(width, sites)
    assert width <= math.prod(modes) <= width * 1.1


def test_nothing_to_resolve_is_an_error() -> None:
    with pytest.raises(ValueError):
        resolve_modes(0, 4)
    with pytest.raises(ValueError):
        resolve_modes(4, 0)
