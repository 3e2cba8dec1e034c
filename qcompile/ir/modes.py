"""Modes for a matrix product operator: a width as a product of one small factor for each site.

Small factors mean small cores, so the modes of a width are its exact factorisation with the
least sum, in descending order. Where that is far from balanced (a prime, twice a prime), the
width is padded to the next one that has a balanced factorisation.
"""

from __future__ import annotations

import math
from functools import lru_cache

Modes = tuple[int, ...]

SLACK = 1.5
"""How far the sum of balanced modes may exceed the least sum that any padding would allow."""

PUBLISHED: dict[tuple[int, int], Modes] = {
    (20480, 4): (40, 8, 8, 8),
    (27648, 4): (27, 16, 8, 8),
}
"""(width, sites) for which arXiv:2503.12790's layer uses other modes than the least sum; kept, so
that parameter counts agree with the published ones."""


@lru_cache(maxsize=4096)
def resolve_modes(width: int, sites: int) -> Modes:
    """Modes of `sites` sites, descending, whose product is at least `width` and close to it."""
    if width < 1 or sites < 1:
        raise ValueError(f"no modes for a width of {width} on {sites} sites")
    if (width, sites) in PUBLISHED:
        return PUBLISHED[width, sites]
    limit = int(SLACK * least_sum(width, sites))
    padded = width
    while True:
        modes = _factorise(padded, sites, limit)
        if modes is not None:
            return modes
        padded += 1


def least_sum(width: int, sites: int) -> int:
    """The least sum of `sites` modes whose product is at least `width`, exact or padded."""
    low: int = max(1, round(width ** (1 / sites)))
    while low > 1 and low**sites > width:
        low -= 1
    while (low + 1) ** sites <= width:
        low += 1
    raised = 0
    while (low + 1) ** raised * low ** (sites - raised) < width:
        raised += 1
    return sites * low + raised


def _factorise(width: int, sites: int, limit: int) -> Modes | None:
    """Modes of exactly `width` with the least sum, then the least maximum; None above `limit`."""
    primes = _prime_factors(width, limit)
    if primes is None:
        return None
    if sites >= len(primes):
        modes = tuple(sorted(primes, reverse=True)) + (1,) * (sites - len(primes))
        return modes if sum(modes) <= limit else None
    divisors = _divisors(primes)
    known: dict[tuple[int, int], Modes | None] = {}

    def best(rest: int, count: int) -> Modes | None:
        if count == 1:
            return (rest,) if rest <= limit else None
        if (rest, count) not in known:
            known[rest, count] = _least(rest, count)
        return known[rest, count]

    def _least(rest: int, count: int) -> Modes | None:
        found: tuple[int, Modes] | None = None
        for largest in divisors:
            if rest % largest or largest**count < rest:
                continue
            if largest > limit or (found is not None and largest + count - 1 > found[0]):
                break
            others = best(rest // largest, count - 1)
            if others is None:
                continue
            modes = tuple(sorted((largest, *others), reverse=True))
            candidate = (sum(modes), modes)
            if found is None or candidate < found:
                found = candidate
        return None if found is None or found[0] > limit else found[1]

    return best(width, sites)


def _prime_factors(width: int, limit: int) -> list[int] | None:
    """Prime factors with repeats, ascending; None if one of them is above `limit`."""
    primes: list[int] = []
    factor = 2
    while factor * factor <= width and factor <= limit:
        while width % factor == 0:
            primes.append(factor)
            width //= factor
        factor += 1 if factor == 2 else 2
    if width > 1:
        if width > limit:
            return None
        primes.append(width)
    return primes


def _divisors(primes: list[int]) -> tuple[int, ...]:
    found = {1}
    for prime in primes:
        found |= {divisor * prime for divisor in found}
    return tuple(sorted(found))


def padding(width: int, modes: Modes) -> int:
    """Elements that the modes hold beyond `width`."""
    return math.prod(modes) - width
