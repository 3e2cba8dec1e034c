"""Other circuits for the same values, before places are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from qcompile.ir.circuit import Gate
from qcompile.ir.circuit_analysis import two_qubit_gates
from qcompile.ir.routing import Routing
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.symbols import with_angles, with_own_symbols

if TYPE_CHECKING:
    from pytket.circuit import Circuit as TketCircuit

MOST_GATES = 4000
"""Of two qubits, up to which a circuit is rewritten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resynthesise(DevicePass):
    """Add a variant that is made anew of the rotations that the circuit consists of.

    A circuit of Clifford gates and rotations is a sequence of rotations about Pauli strings, then a
    Clifford operation. pytket's GreedyPauliSimp (arXiv:2103.08602 and successors) writes it with
    few two-qubit gates: a block of `cx` between all pairs becomes a chain. The Clifford operation
    comes last, where a read-out can absorb it. Angles stay affine.
    """

    name: ClassVar[str] = "resynthesise"

    most: float = 1.5
    """Two-qubit gates up to which a new variant is added, as a multiple of the old one's."""

    def run(self, routing: Routing, context: Context) -> Routing:
        added = []
        for variant in routing.variants:
            pairs = two_qubit_gates(variant.gates)
            if 1 < pairs <= MOST_GATES:
                gates = _greedy(variant.gates, routing.circuit.qubits)
                if gates is not None and two_qubit_gates(gates) <= self.most * pairs:
                    how = "resynthesised from Pauli rotations"
                    added.append(replace(variant, rewriting=how, gates=gates))
        return replace(routing, variants=routing.variants + tuple(added))

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:
        if after.variants[: len(before.variants)] != before.variants:
            raise VerificationError("resynthesise changed a variant instead of adding one")
        for variant in after.variants:
            wires = {qubit for gate in variant.gates for qubit in gate.qubits}
            if not wires <= set(range(after.circuit.qubits)):
                raise VerificationError("resynthesise left the circuit's wires")


def _greedy(gates: tuple[Gate, ...], qubits: int) -> tuple[Gate, ...] | None:
    """None where an angle does not come back as one that is affine."""
    from pytket.circuit import OpType
    from pytket.passes import AutoRebase, GreedyPauliSimp, RemoveRedundancies

    from qcompile.tket.errors import TketConversionError
    from qcompile.tket.from_pytket import gates_from_pytket
    from qcompile.tket.to_pytket import gates_to_pytket

    named, angles = with_own_symbols(gates)
    circuit: TketCircuit = gates_to_pytket(qubits, named)
    basis = {OpType.CX, OpType.H, OpType.S, OpType.Sdg, OpType.X, OpType.Rx, OpType.Ry, OpType.Rz}
    AutoRebase(basis).apply(circuit)
    GreedyPauliSimp().apply(circuit)
    RemoveRedundancies().apply(circuit)
    try:
        return with_angles(gates_from_pytket(circuit), angles)
    except TketConversionError:
        return None
