"""Removal of what commutes into the measurement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.diagnostics.messages.planning import AnglesCommuteIntoMeasurement
from qcompile.ir.circuit import Circuit
from qcompile.ir.light_cone import influence, observables
from qcompile.passes.base import CircuitPass, Context
from qcompile.passes.circuit.contract import ensure_same_readout, lost_angles


def without_commuting(circuit: Circuit) -> Circuit:
    """The circuit without gates that commute with all later gates kept and all observables."""
    kept = influence(circuit.gates, observables(circuit.readout))
    return replace(circuit, gates=tuple(circuit.gates[index] for index in kept))


@dataclass(frozen=True, slots=True, kw_only=True)
class CommuteMeasurement(CircuitPass):
    """Diagonal gates before a read-out of Z or of probabilities go, and so on for other letters."""

    name: ClassVar[str] = "commute-measurement"

    def run(self, circuit: Circuit, context: Context) -> Circuit:
        result = without_commuting(circuit)
        if dead := lost_angles(circuit, result):
            context.remark(
                AnglesCommuteIntoMeasurement(
                    adapter=context.adapter,
                    count=dead,
                    total=circuit.angle_count,
                    span=context.span,
                )
            )
        return result

    def ensures(self, before: Circuit, after: Circuit, context: Context) -> None:
        ensure_same_readout(before, after)
