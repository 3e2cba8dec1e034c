"""Our circuits as pytket circuits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qcompile.ir.circuit import Circuit, Gate
from qcompile.ir.gates import GateName
from qcompile.tket.angles import to_half_turns

if TYPE_CHECKING:
    from pytket.circuit import Circuit as TketCircuit

OPERATIONS: dict[GateName, str] = {
    "x": "X", "y": "Y", "z": "Z", "h": "H", "s": "S", "sdg": "Sdg", "t": "T", "tdg": "Tdg",
    "sx": "SX", "sxdg": "SXdg", "rx": "Rx", "ry": "Ry", "rz": "Rz", "phase": "U1",
    "cx": "CX", "cy": "CY", "cz": "CZ", "ch": "CH", "swap": "SWAP", "iswap": "ISWAPMax",
    "crx": "CRx", "cry": "CRy", "crz": "CRz", "cphase": "CU1",
    "rxx": "XXPhase", "ryy": "YYPhase", "rzz": "ZZPhase",
}  # fmt: skip
"""pytket's name of each gate that has one with the same angles; rot and rzx have none."""


def to_pytket(circuit: Circuit) -> TketCircuit:
    """Return the gates on qubits q[0], q[1], …; equal as unitaries up to a global phase.

    Angles become affine sympy expressions in half-turns. The initial state and the read-out
    are not part of the result.
    """
    return gates_to_pytket(circuit.qubits, circuit.gates)


def gates_to_pytket(qubits: int, gates: tuple[Gate, ...]) -> TketCircuit:
    """Return the gates as a pytket circuit on `qubits` qubits."""
    from pytket.circuit import Circuit as TketCircuit
    from pytket.circuit import OpType

    result = TketCircuit(qubits)
    for gate in gates:
        angles = [to_half_turns(angle) for angle in gate.angles]
        match gate.name:
            case "rot":
                first, middle, last = angles
                result.add_gate(OpType.U3, [middle, last, first], list(gate.qubits))
            case "rzx":
                target = [gate.qubits[1]]
                result.add_gate(OpType.H, target)
                result.add_gate(OpType.ZZPhase, angles, list(gate.qubits))
                result.add_gate(OpType.H, target)
            case name:
                operation = OpType.from_name(OPERATIONS[name])
                result.add_gate(operation, angles, list(gate.qubits))
    return result
