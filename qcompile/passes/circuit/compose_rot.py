"""Three rotations about axes as one general rotation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import ClassVar

from qcompile.ir.circuit import Circuit, Gate
from qcompile.ir.circuit_analysis import depends_on_data
from qcompile.passes.base import Context
from qcompile.passes.circuit.contract import SameReadoutPass
from qcompile.passes.circuit.gate_list import GateList


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeRot(SameReadoutPass):
    """Neighbours `rz ry rz` on a wire become `rot`, unless that mixes data into hoisted gates."""

    name: ClassVar[str] = "compose-rot"

    def run(self, circuit: Circuit, context: Context) -> Circuit:
        kept = GateList()
        for gate in circuit.gates:
            positions = tuple(islice(kept.backwards(gate.qubits), 2))
            parts = (*(kept[p] for p in reversed(positions)), gate)
            if not _composes(parts):
                kept.append(gate)
                continue
            kept.remove(positions[0])
            angles = tuple(part.angles[0] for part in parts)
            kept.replace(positions[1], Gate(name="rot", qubits=gate.qubits, angles=angles))
        return replace(circuit, gates=kept.gates())


def _composes(parts: tuple[Gate, ...]) -> bool:
    return [part.name for part in parts] == ["rz", "ry", "rz"] and (
        len({depends_on_data(part) for part in parts}) == 1
    )
