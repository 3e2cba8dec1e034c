"""Removal of gates that do nothing to qubits that are still |0⟩."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.diagnostics.messages.planning import AnglesActOnZeroState
from qcompile.ir.circuit import Circuit, Gate, Pauli, ZeroState
from qcompile.ir.gate_algebra import commutes_with_pauli
from qcompile.ir.gates import GATES
from qcompile.passes.base import Context
from qcompile.passes.circuit.contract import SameReadoutPass, remark_lost


@dataclass(frozen=True, slots=True, kw_only=True)
class TrimZeroState(SameReadoutPass):
    """A qubit is |0⟩ until a gate that does not commute with its Z.

    Until then diagonal gates on it are phases, controls on it never fire, exchanges do nothing.
    """

    name: ClassVar[str] = "zero-state"

    def run(self, circuit: Circuit, context: Context) -> Circuit:
        if not isinstance(circuit.initial, ZeroState):
            return circuit
        touched: set[int] = set()
        kept: list[Gate] = []
        for gate in circuit.gates:
            if _does_nothing(gate, touched):
                continue
            kept.append(gate)
            touched.update(
                q for q in gate.qubits if not commutes_with_pauli(gate, Pauli(letters=((q, "Z"),)))
            )
        result = replace(circuit, gates=tuple(kept))
        remark_lost(AnglesActOnZeroState, circuit, result, context)
        return result


def _does_nothing(gate: Gate, touched: set[int]) -> bool:
    kind = GATES[gate.name]
    controls = gate.qubits if kind.symmetric else gate.qubits[:1]
    if kind.conditional and not touched.issuperset(controls):
        return True
    return kind.keeps_zero and touched.isdisjoint(gate.qubits)
