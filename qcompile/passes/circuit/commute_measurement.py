"""Removal of what commutes into the measurement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.diagnostics.messages.planning import AnglesCommuteIntoMeasurement
from qcompile.ir.circuit import Circuit
from qcompile.ir.light_cone import influence, observables
from qcompile.passes.base import Context
from qcompile.passes.circuit.contract import SameReadoutPass, remark_lost


def without_commuting(circuit: Circuit) -> Circuit:
    """The circuit without gates that commute with all later gates kept and all observables."""
    kept = influence(circuit.gates, observables(circuit.readout))
    return replace(circuit, gates=tuple(circuit.gates[index] for index in kept))


@dataclass(frozen=True, slots=True, kw_only=True)
class CommuteMeasurement(SameReadoutPass):
    """Diagonal gates before a read-out of Z or of probabilities go, and so on for other letters."""

    name: ClassVar[str] = "commute-measurement"

    def run(self, circuit: Circuit, context: Context) -> Circuit:
        result = without_commuting(circuit)
        remark_lost(AnglesCommuteIntoMeasurement, circuit, result, context)
        return result
