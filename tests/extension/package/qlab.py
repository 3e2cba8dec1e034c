"""Two gates and a pattern, and some that are not well formed."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from math import pi

from qcompile.ir.gates import GateKind
from qcompile.ir.patterns import PatternKind

sys.stdout.write("qlab is imported\n")

GIVENS = GateKind(
    meaning="RY(t) between |01⟩ and |10⟩",
    qubits=2,
    angles=1,
    parts="cx 0 1; cry(t[0]) 1 0; cx 0 1",
)


def root_iswap() -> GateKind:
    """√iSWAP, by a callable."""
    return GateKind(meaning="√iSWAP", qubits=2, parts=f"rxx({-pi / 4}) 0 1; ryy({-pi / 4}) 0 1")


TILT = GateKind(
    meaning="a rotation about the axis between X and Z",
    qubits=1,
    angles=1,
    parts=f"ry({-pi / 4}) 0; rz(t[0]) 0; ry({pi / 4}) 0",
)

CRACKED = GateKind(
    meaning="its parts are another gate", qubits=2, angles=1, axis="ZZ", parts="cx 0 1"
)


def _star(qubits: int, step: int) -> Iterable[tuple[int, int]]:
    return ((0, i) for i in range(1, qubits))


STAR = PatternKind(meaning="(0, i) for every other i", pairs=_star)

ASTRAY = PatternKind(
    meaning="leaves the qubits where there are many",
    pairs=lambda qubits, step: [(0, qubits - (qubits < 7))],
)
