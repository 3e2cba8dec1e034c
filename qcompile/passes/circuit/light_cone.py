"""Removal of gates outside the backward light cone of the read-out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.diagnostics.messages.planning import AnglesOutsideLightCone
from qcompile.ir.circuit import Circuit
from qcompile.ir.light_cone import light_cone, observables
from qcompile.passes.base import Context
from qcompile.passes.circuit.contract import SameReadoutPass, remark_lost


@dataclass(frozen=True, slots=True, kw_only=True)
class LightCone(SameReadoutPass):
    """Keep the gates that are connected to a measured qubit by later gates."""

    name: ClassVar[str] = "light-cone"

    def run(self, circuit: Circuit, context: Context) -> Circuit:
        kept = light_cone(circuit.gates, observables(circuit.readout))
        pruned = replace(circuit, gates=tuple(circuit.gates[index] for index in kept))
        remark_lost(AnglesOutsideLightCone, circuit, pruned, context)
        return pruned
