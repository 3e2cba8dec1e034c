"""Families of ideal devices: one row each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType

from qcompile.ir.extensions import Table
from qcompile.ir.gates import GATE_NAMES, GateName
from qcompile.ir.limits import MAX_DEVICE_QUBITS
from qcompile.ir.target import IDEAL_GATES, CouplingDevice

Edges = Iterable[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CouplingMap:
    """Devices of one shape and any size, without errors."""

    meaning: str
    sizes: tuple[tuple[str, str], ...]
    """(name, meaning) of each size, in order."""
    qubits: Callable[..., int]
    """Sizes → qubits."""
    edges: Callable[..., Edges]
    """Sizes → couplings, in any order and direction."""
    largest: int = MAX_DEVICE_QUBITS
    """Of every size."""
    native: tuple[GateName, ...] = IDEAL_GATES

    def device(self, name: str, *sizes: int) -> CouplingDevice:
        """The device of these sizes.

        Raises:
            ValueError: a row of another package couples what is not there.
        """
        qubits = self.qubits(*sizes)
        pairs = {(min(pair), max(pair)) for pair in self.edges(*sizes)}
        if qubits < 1 or not all(0 <= a < b < qubits for a, b in pairs):
            raise ValueError(f"its couplings for {sizes} are not pairs of its {qubits} qubits")
        label = f"{name}({', '.join(map(str, sizes))})"
        edges = tuple(sorted(pairs))
        return CouplingDevice(qubits=qubits, edges=edges, label=label, native=self.native)


def _ring(n: int) -> Edges:
    return ((i, (i + 1) % n) for i in range(n if n > 2 else n - 1))


def _grid(rows: int, columns: int) -> Edges:
    for r in range(rows):
        for c in range(columns):
            here = r * columns + c
            if c + 1 < columns:
                yield here, here + 1
            if r + 1 < rows:
                yield here, here + columns


def _defect(family: CouplingMap) -> str | None:
    """Why a row of another package is not well formed."""
    foreign = set(family.native) - set(GATE_NAMES)
    if foreign:
        return f"its native gate `{min(foreign)}` is no gate"
    for size in (1, 2, 3):
        family.device("", *(size for _ in family.sizes))
    return None


_N = (("n", "qubits"),)

COUPLING_MAPS = Table(
    "qcompile.coupling_maps",
    CouplingMap,
    MappingProxyType(
        {
            "line": CouplingMap(
                meaning="neighbours in a row",
                sizes=_N,
                qubits=lambda n: n,
                edges=lambda n: ((i, i + 1) for i in range(n - 1)),
            ),
            "ring": CouplingMap(
                meaning="a row whose ends are joined", sizes=_N, qubits=lambda n: n, edges=_ring
            ),
            "grid": CouplingMap(
                meaning="neighbours in a rectangle, row by row",
                sizes=(("rows", "rows"), ("columns", "columns")),
                qubits=lambda rows, columns: rows * columns,
                edges=_grid,
            ),
            "full": CouplingMap(
                meaning="every two qubits",
                sizes=(("n", "qubits, at most 128"),),
                qubits=lambda n: n,
                edges=lambda n: combinations(range(n), 2),
                largest=128,
            ),
        }
    ),
    _defect,
)
