"""The entangling patterns: one row each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType
from typing import Literal

from qcompile.ir.extensions import Table

Pair = tuple[int, int]
"""(control, target)."""

Half = Literal["even", "odd"]
"""Of a pattern with halves: its pairs from even qubits, or those from odd ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternKind:
    """Pairs of qubits, or of the axes of a tensor, in the order of their gates."""

    meaning: str
    pairs: Callable[[int, int], Iterable[Pair]] | None
    """(n, step) → the pairs of n qubits; None: the couplings of the target's device."""
    step: bool = False
    """Takes `step`; else it is always 1."""
    halves: bool = False
    """Takes `even` and `odd`, which have no qubit in two pairs."""
    cyclic: bool = False
    """`reversed` steps back; else it turns every pair around."""

    def on(
        self, qubits: int, *, step: int = 1, reversed: bool = False, half: Half | None = None
    ) -> tuple[Pair, ...]:
        """The pairs of so many qubits, of a pattern that needs no device.

        Raises:
            ValueError: a row of another package gives something else.
        """
        assert self.pairs is not None
        back = reversed and self.cyclic
        found = tuple(self.pairs(qubits, -step if back else step))
        for pair in found:
            whole = isinstance(pair, tuple) and len(pair) == 2
            if not whole or not all(type(q) is int and 0 <= q < qubits for q in pair):
                raise ValueError(f"{pair!r} is no pair of the qubits 0 to {qubits - 1}")
        if half is not None:
            found = tuple(pair for pair in found if pair[0] % 2 == (half == "odd"))
        return tuple((b, a) for a, b in found) if reversed and not back else found


def _ring(n: int, step: int) -> Iterable[Pair]:
    return ((i, (i + step) % n) for i in range(n)) if n > 1 else ()


def _line(n: int, step: int) -> Iterable[Pair]:
    return ((i, i + step) for i in range(n - step))


def _brickwork(n: int, _: int) -> Iterable[Pair]:
    return ((i, i + 1) for start in (0, 1) for i in range(start, n - 1, 2))


def _defect(pattern: PatternKind) -> str | None:
    """Why a row of another package is not well formed."""
    if pattern.pairs is None:
        return "it has no pairs"
    for qubits in range(1, 7):
        pattern.on(qubits)
    return None


PATTERNS = Table(
    "qcompile.patterns",
    PatternKind,
    MappingProxyType(
        {
            "line": PatternKind(meaning="(0, 1), (1, 2), …", pairs=_line, step=True),
            "ring": PatternKind(
                meaning="(i, i+1 mod n) for every i", pairs=_ring, step=True, cyclic=True
            ),
            "brickwork": PatternKind(
                meaning="the even pairs of the line, then the odd ones; `brickwork even` and "
                "`brickwork odd` are one half of them",
                pairs=_brickwork,
                halves=True,
            ),
            "all": PatternKind(meaning="every i < j", pairs=lambda n, _: combinations(range(n), 2)),
            "native": PatternKind(meaning="the couplings of the target's device", pairs=None),
        }
    ),
    _defect,
)

FREE_PATTERNS = tuple(name for name, row in PATTERNS.built_in.items() if row.pairs is not None)
"""Those that need no device."""
