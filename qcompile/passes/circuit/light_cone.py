"""Removal of gates outside the backward light cone of the read-out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.diagnostics.messages.planning import AnglesOutsideLightCone
from qcompile.ir.circuit import Circuit
from qcompile.ir.light_cone import light_cone, observables
from qcompile.passes.base import CircuitPass, Context
from qcompile.passes.circuit.contract import ensure_same_readout, lost_angles


@dataclass(frozen=True, slots=True, kw_only=True)
class LightCone(CircuitPass):
    """Keep the gates that are connected to a measured qubit by later gates."""

    name: ClassVar[str] = "light-cone"

    def run(self, circuit: Circuit, context: Context) -> Circuit:
        kept = light_cone(circuit.gates, observables(circuit.readout))
        pruned = replace(circuit, gates=tuple(circuit.gates[index] for index in kept))
        if dead := lost_angles(circuit, pruned):
            context.remark(
                AnglesOutsideLightCone(
                    adapter=context.adapter,
                    count=dead,
                    total=circuit.angle_count,
                    span=context.span,
                )
            )
        return pruned

    def ensures(self, before: Circuit, after: Circuit, context: Context) -> None:
        ensure_same_readout(before, after)
