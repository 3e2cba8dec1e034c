"""Finds what a misspelt name or an unsuitable number may have meant."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 64


def nearest(name: str, candidates: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """Return the closest candidates, best first, ties in alphabetical order.

    Closeness is the optimal-string-alignment distance, case ignored; a candidate further away
    than a third of the longer name is no suggestion, and where some differ by case alone they are
    all that is suggested. Names beyond 64 characters get none.
    """
    if not name or len(name) > _LONGEST:
        return ()
    wanted = name.casefold()
    scored: list[tuple[int, str]] = []
    for candidate in set(candidates):
        longer = max(len(name), len(candidate))
        reach = max(1, longer // 3)
        if longer > _LONGEST or abs(len(name) - len(candidate)) > reach or candidate == name:
            continue
        separation = _distance(wanted, candidate.casefold())
        # One edit turns any single letter into any other, which suggests nothing.
        if separation <= reach and separation < longer:
            scored.append((separation, candidate))
    if any(separation == 0 for separation, _ in scored):
        scored = [item for item in scored if item[0] == 0]
    return tuple(candidate for _, candidate in sorted(scored)[:limit])


def dividing_blocks(width: int, block: int) -> tuple[int, ...]:
    """Return the divisors of a width, from 2, next below and next above a block that is none."""
    divisors: set[int] = set()
    for low in range(1, int(width**0.5) + 1):
        if width % low == 0:
            divisors |= {low, width // low}
    below = max((size for size in divisors if 2 <= size < block), default=None)
    above = min((size for size in divisors if size > block), default=None)
    return tuple(size for size in (below, above) if size is not None)


def _distance(left: str, right: str) -> int:
    before: list[int] = []
    above = list(range(len(right) + 1))
    for row, a in enumerate(left, start=1):
        current = [row]
        for column, b in enumerate(right, start=1):
            cost = min(
                above[column] + 1,
                current[column - 1] + 1,
                above[column - 1] + (a != b),
            )
            swapped = row > 1 and column > 1 and a == right[column - 2] and left[row - 2] == b
            if swapped:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        before, above = above, current
    return above[-1]
