"""Separation of what depends on data from what does not."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.ir.circuit import Circuit, Gate
from qcompile.ir.circuit_analysis import data_layers, depends_on_data
from qcompile.ir.gate_algebra import commute
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import CircuitPass, Context
from qcompile.passes.circuit.contract import ensure_same_readout

REACH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparateData(CircuitPass):
    """Reorder commuting gates so that data-dependent ones form as few layers as possible.

    Within a layer the order stays. The dependency graph is that of non-commuting gates; taking
    all that is ready of one kind, then of the other, gives the fewest layers for either start.
    """

    name: ClassVar[str] = "separate-data"

    def run(self, circuit: Circuit, context: Context) -> Circuit:
        waits, users = _dependencies(circuit.gates)
        orders = [_scheduled(circuit.gates, waits, users, start) for start in (True, False)]
        best = min((circuit.gates, *orders), key=_runs)
        return replace(circuit, gates=best)

    def ensures(self, before: Circuit, after: Circuit, context: Context) -> None:
        ensure_same_readout(before, after)
        if sorted(map(repr, before.gates)) != sorted(map(repr, after.gates)):
            raise VerificationError("the gates are not the same")
        if data_layers(after.gates) > data_layers(before.gates):
            raise VerificationError("there are more layers of data than before")


def _runs(gates: tuple[Gate, ...]) -> tuple[int, int]:
    """(layers with data, layers in total)."""
    kinds = [depends_on_data(gate) for gate in gates]
    total = sum(k == 0 or kinds[k] != kinds[k - 1] for k in range(len(kinds)))
    return data_layers(gates), total


def _dependencies(gates: tuple[Gate, ...]) -> tuple[list[int], list[list[int]]]:
    """For each gate how many gates it waits for, and which gates wait for it.

    Enough edges that every two gates that do not commute are connected by a path.
    """
    wires: dict[int, list[int]] = {}
    # For each gate and wire: how many gates from the start of the wire it surely waits for.
    settled: dict[tuple[int, int], int] = {}
    waits, users = [0] * len(gates), [list[int]() for _ in gates]
    for index, gate in enumerate(gates):
        found: set[int] = set()
        for qubit in gate.qubits:
            wire = wires.setdefault(qubit, [])
            place, done, free = len(wire), 0, len(wire)
            while place > done:
                place -= 1
                # Every REACH-th gate of a wire stays in its place, to bound the search.
                fixed = (place + 1) % REACH == 0 or (len(wire) + 1) % REACH == 0
                if not fixed and commute(gates[wire[place]], gate):
                    free = place
                else:
                    found.add(wire[place])
                    done = max(done, settled[wire[place], qubit])
            settled[index, qubit] = free
            wire.append(index)
        waits[index] = len(found)
        for position in sorted(found):
            users[position].append(index)
    return waits, users


def _scheduled(
    gates: tuple[Gate, ...], waits: list[int], users: list[list[int]], data_first: bool
) -> tuple[Gate, ...]:
    waiting = list(waits)
    ready: dict[bool, list[int]] = {True: [], False: []}
    for index, gate in enumerate(gates):
        if waiting[index] == 0:
            heapq.heappush(ready[depends_on_data(gate)], index)
    order: list[Gate] = []
    kind = data_first
    while len(order) < len(gates):
        while ready[kind]:
            index = heapq.heappop(ready[kind])
            order.append(gates[index])
            for user in users[index]:
                waiting[user] -= 1
                if waiting[user] == 0:
                    heapq.heappush(ready[depends_on_data(gates[user])], user)
        kind = not kind
    return tuple(order)
