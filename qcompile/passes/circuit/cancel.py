"""Cancellation of inverse gates and removal of identities."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.ir.circuit import Circuit, Gate
from qcompile.ir.gate_algebra import are_inverse
from qcompile.ir.gates import GATES
from qcompile.passes.base import Context
from qcompile.passes.circuit.contract import SameReadoutPass
from qcompile.passes.circuit.gate_list import GateList, find_partner, in_same_place


def is_identity(gate: Gate) -> bool:
    """Whether the gate does nothing because all its angles are the constant 0."""
    still = all(a.is_constant and a.constant == 0.0 for a in gate.angles)
    return still and GATES[gate.name].starts_as_identity


def _cancels(earlier: Gate, later: Gate) -> bool:
    return in_same_place(earlier, later) and are_inverse(earlier, later)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(SameReadoutPass):
    """Pairs of inverse gates that meet by commuting past the gates between them vanish."""

    name: ClassVar[str] = "cancel"
    keeps_matrix: ClassVar[bool] = True

    def run(self, circuit: Circuit, context: Context) -> Circuit:
        kept = GateList()
        for gate in circuit.gates:
            if is_identity(gate):
                continue
            partner = find_partner(kept, gate, _cancels)
            if partner is None:
                kept.append(gate)
            else:
                kept.remove(partner)
        return replace(circuit, gates=kept.gates())
