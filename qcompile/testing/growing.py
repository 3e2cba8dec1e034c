"""What the random nodes of operations are drawn for, and with."""

from __future__ import annotations

import math
from typing import Protocol

from hypothesis import strategies as st

from qcompile.ir.domains import Domain
from qcompile.ir.node import ProgramNode


class Growing(Protocol):
    """A random program that a node is drawn for."""

    @property
    def draw(self) -> st.DrawFn: ...

    @property
    def max_width(self) -> int: ...

    @property
    def sizes(self) -> tuple[int, int]:
        """in_features and out_features."""

    def domain(self, index: int) -> Domain:
        """Of a node so far."""

    def append(self, node: ProgramNode, *, degree: int) -> int:
        """Index of a node that the new one reads."""

    def tensor(self, shape: tuple[int, ...]) -> int:
        """Index of a new tensor."""


@st.composite
def modes_of(draw: st.DrawFn, width: int, sites: int) -> tuple[int, ...]:
    """Modes whose product is at least `width`."""
    modes = [draw(st.integers(1, 3)) for _ in range(sites - 1)]
    last = -(-width // math.prod(modes)) + draw(st.integers(0, 1))
    modes.insert(draw(st.integers(0, sites - 1)), last)
    return tuple(modes)


def divisors(width: int) -> list[int]:
    """From 2."""
    return [size for size in range(2, width + 1) if width % size == 0]
