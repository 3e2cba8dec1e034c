"""General rotations as three rotations about axes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.ir.circuit import Circuit, Gate
from qcompile.ir.decompose import parts
from qcompile.ir.gates import GATES
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import CircuitPass, Context
from qcompile.passes.circuit.contract import ensure_same_interface


@dataclass(frozen=True, slots=True, kw_only=True)
class DecomposeRot(CircuitPass):
    """`rot` becomes `rz ry rz`, whose parts fuse, commute and cancel on their own.

    So do gates of other packages on one qubit that are given by their parts alone.
    """

    name: ClassVar[str] = "decompose-rot"

    def run(self, circuit: Circuit, context: Context) -> Circuit:
        gates: list[Gate] = []
        for gate in circuit.gates:
            gates += parts(gate) if _is_made_of_parts(gate) else (gate,)
        return replace(circuit, gates=tuple(gates))

    def ensures(self, before: Circuit, after: Circuit, context: Context) -> None:
        ensure_same_interface(before, after)
        if any(map(_is_made_of_parts, after.gates)):
            raise VerificationError("a general rotation is left")


def _is_made_of_parts(gate: Gate) -> bool:
    kind = GATES[gate.name]
    return kind.qubits == 1 and kind.matrix is None and not kind.axis
