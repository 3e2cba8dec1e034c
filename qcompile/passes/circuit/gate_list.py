"""Gates under rewriting, with quick access to the gates on a wire."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import islice

from qcompile.ir.circuit import Gate
from qcompile.ir.gate_algebra import commute
from qcompile.ir.gates import GATES

REACH = 32


class GateList:
    """A growing list of gates; positions stay valid when gates are removed or replaced."""

    def __init__(self) -> None:
        self._gates: list[Gate | None] = []
        self._wires: dict[int, list[int]] = {}

    def append(self, gate: Gate) -> None:
        """Put `gate` at the end."""
        for qubit in gate.qubits:
            self._wires.setdefault(qubit, []).append(len(self._gates))
        self._gates.append(gate)

    def __getitem__(self, position: int) -> Gate:
        gate = self._gates[position]
        if gate is None:
            raise IndexError(position)
        return gate

    def remove(self, position: int) -> None:
        """Take the gate at `position` away."""
        for qubit in self[position].qubits:
            wire = self._wires[qubit]
            del wire[bisect_left(wire, position)]
        self._gates[position] = None

    def replace(self, position: int, gate: Gate) -> None:
        """Put another gate on the same qubits in the place of the one at `position`."""
        if set(gate.qubits) != set(self[position].qubits):
            raise ValueError("the replacement acts on other qubits")
        self._gates[position] = gate

    def backwards(self, qubits: tuple[int, ...]) -> Iterator[int]:
        """Positions of the gates on any of `qubits`, the last first; ends with the next change."""
        previous = None
        wires = [reversed(self._wires.get(qubit, [])) for qubit in qubits]
        for position in heapq.merge(*wires, reverse=True):
            if position != previous:
                yield position
            previous = position

    def gates(self) -> tuple[Gate, ...]:
        """What remains, in order."""
        return tuple(gate for gate in self._gates if gate is not None)


def find_partner(
    earlier: GateList, gate: Gate, matches: Callable[[Gate, Gate], bool]
) -> int | None:
    """Position of the last match that `gate` can reach by commuting backwards, if any.

    At most `REACH` gates are passed, so that long runs of commuting gates take linear time.
    """
    for position in islice(earlier.backwards(gate.qubits), REACH):
        if matches(earlier[position], gate):
            return position
        if not commute(earlier[position], gate):
            return None
    return None


def in_same_place(left: Gate, right: Gate) -> bool:
    """Whether two gates of one kind act on the same qubits in equivalent roles."""
    if left.qubits == right.qubits:
        return True
    return GATES[left.name].symmetric and set(left.qubits) == set(right.qubits)
