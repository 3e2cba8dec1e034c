"""Nearest names, checked against the textbook recursion for the distance."""

from __future__ import annotations

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from qcompile.diagnostics import nearest

NAMES = ("bond", "bus", "rank", "linear", "layers", "measure")
WORDS = st.text(alphabet="abc", min_size=1, max_size=6)


def test_examples() -> None:
    assert nearest("bnod", NAMES) == ("bond",)
    assert nearest("LINEAR", NAMES) == ("linear",)
    assert nearest("RY", ("rx", "ry", "rz")) == ("ry",)
    assert nearest("mesure", NAMES) == ("measure",)
    assert nearest("zzzzz", NAMES) == ()
    assert nearest("", NAMES) == ()
    assert nearest("x", ("y",)) == ()
    assert nearest("rank", ("rank",)) == ()
    assert nearest("a" * 10**6, NAMES) == ()


def test_ties_are_alphabetical_and_limited() -> None:
    assert nearest("rx_", ("rz_", "ry_", "rxx", "r_x"), limit=2) == ("r_x", "rxx")


@cache
def distance(left: str, right: str) -> int:
    if not left or not right:
        return len(left) + len(right)
    best = min(
        distance(left[:-1], right) + 1,
        distance(left, right[:-1]) + 1,
        distance(left[:-1], right[:-1]) + (left[-1] != right[-1]),
    )
    if len(left) > 1 and len(right) > 1 and left[-2:] == right[-1] + right[-2]:
        best = min(best, distance(left[:-2], right[:-2]) + 1)
    return best


@given(name=WORDS, candidates=st.lists(WORDS, max_size=6))
def test_agrees_with_the_recursion(name: str, candidates: list[str]) -> None:
    def reach(other: str) -> int:
        return min(max(1, max(len(name), len(other)) // 3), max(len(name), len(other)) - 1)

    close = {other for other in candidates if 0 < distance(name, other) <= reach(other)}
    expected = sorted(close, key=lambda other: (distance(name, other), other))
    assert nearest(name, candidates) == tuple(expected[:3])
    assert nearest(name, reversed(candidates)) == tuple(expected[:3])
