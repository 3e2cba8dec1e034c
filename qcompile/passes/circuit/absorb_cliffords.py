"""Absorption of trailing Clifford gates into the read-out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.diagnostics.messages.planning import AnglesCommuteIntoMeasurement
from qcompile.ir.circuit import Circuit, Expectations, Gate, Probabilities, Readout
from qcompile.ir.circuit_analysis import is_z_string
from qcompile.ir.gates import GATES
from qcompile.ir.heisenberg import conjugate_pauli
from qcompile.ir.light_cone import LaterGates
from qcompile.passes.base import CircuitPass, Context
from qcompile.passes.circuit.commute_measurement import without_commuting
from qcompile.passes.circuit.contract import ensure_no_more_gates, remark_lost


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsorbCliffords(CircuitPass):
    """Trailing Clifford gates move into the observables, P → U†PU, until nothing moves any more.

    A ring of `cx` before a read-out of Z becomes parities. Probabilities absorb exchanges only:
    other permutations of outcomes are no read-out of the level.
    """

    name: ClassVar[str] = "absorb-cliffords"

    keep_diagonal: bool = True
    """Leave a gate that would turn a read-out of Z strings into one with other letters: a Z
    read-out is one multiplication with a table of signs, and needs one basis on a device."""

    def run(self, circuit: Circuit, context: Context) -> Circuit:
        result = absorbed(circuit, keep_diagonal=self.keep_diagonal)
        remark_lost(AnglesCommuteIntoMeasurement, circuit, result, context)
        return result

    def ensures(self, before: Circuit, after: Circuit, context: Context) -> None:
        ensure_no_more_gates(before, after)


def absorbed(circuit: Circuit, *, keep_diagonal: bool) -> Circuit:
    """The circuit without trailing Clifford gates and without what commutes with its read-out."""
    while True:
        following = without_commuting(_once(circuit, keep_diagonal))
        if len(following.gates) == len(circuit.gates):
            return circuit
        circuit = following


def _once(circuit: Circuit, keep_diagonal: bool) -> Circuit:
    readout, kept, later = circuit.readout, list[Gate](), LaterGates()
    for gate in reversed(circuit.gates):
        if GATES[gate.name].clifford and later.let_pass(gate):
            seen = _seen_before(readout, gate, keep_diagonal)
            if seen is not None:
                readout = seen
                continue
        kept.append(gate)
        later.keep(gate)
    return replace(circuit, gates=tuple(reversed(kept)), readout=readout)


def _seen_before(readout: Readout, gate: Gate, keep_diagonal: bool) -> Readout | None:
    """What sees the state before a Clifford gate as `readout` sees it afterwards, if any."""
    match readout:
        case Expectations(paulis=paulis):
            moved = Expectations(paulis=tuple(conjugate_pauli(pauli, gate) for pauli in paulis))
            if keep_diagonal and _is_diagonal(readout) and not _is_diagonal(moved):
                return None
            return moved
        case Probabilities(qubits=qubits) if GATES[gate.name].exchanges:
            first, second = gate.qubits
            exchanged = {first: second, second: first}
            return Probabilities(qubits=tuple(exchanged.get(q, q) for q in qubits))
        case _:
            return None


def _is_diagonal(readout: Expectations) -> bool:
    return all(map(is_z_string, readout.paulis))
