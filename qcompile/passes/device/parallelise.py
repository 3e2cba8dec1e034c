"""Commuting gates in an order in which more of them run at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.ir.circuit import Gate
from qcompile.ir.circuit_analysis import depth
from qcompile.ir.gate_algebra import commute
from qcompile.ir.routing import Routing
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, DevicePass

REACH = 64
"""Gates that wait at a time, at most, so that long circuits take linear time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallelise(DevicePass):
    """Let gates that commute change places where that makes the circuit less deep.

    A ring of `crz` is a sequence of neighbours; as all of them commute, every second one can run at
    the same time, and qubits wait less.
    """

    name: ClassVar[str] = "parallelise"

    def run(self, routing: Routing, context: Context) -> Routing:
        variants = []
        for variant in routing.variants:
            gates = _in_layers(variant.gates)
            shallower = depth(gates) < depth(variant.gates)
            variants.append(replace(variant, gates=gates) if shallower else variant)
        return replace(routing, variants=tuple(variants))

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:
        if len(before.variants) != len(after.variants):
            raise VerificationError("parallelise lost a variant")
        for old, new in zip(before.variants, after.variants, strict=True):
            if _counted(old.gates) != _counted(new.gates):
                raise VerificationError("parallelise lost a gate or added one")
            if depth(new.gates) > depth(old.gates):
                raise VerificationError("parallelise made a circuit deeper")


def _counted(gates: tuple[Gate, ...]) -> tuple[str, ...]:
    return tuple(sorted(map(repr, gates)))


def _in_layers(gates: tuple[Gate, ...]) -> tuple[Gate, ...]:
    """Layer by layer, the first gates that all earlier waiting ones let pass.

    Gates of one qubit join the layer of what follows them.
    """
    left, done = list(gates), list[Gate]()
    while left:
        busy: set[int] = set()
        waiting: list[Gate] = []
        taken: list[Gate] = []
        for index, gate in enumerate(left):
            if len(waiting) >= REACH:
                waiting += left[index:]
                break
            passes = all(commute(gate, other) for other in waiting)
            if passes and busy.isdisjoint(gate.qubits):
                taken.append(gate)
                if len(gate.qubits) == 2:
                    busy.update(gate.qubits)
            else:
                waiting.append(gate)
        done += taken
        left = waiting
    return tuple(done)
