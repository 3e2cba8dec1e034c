"""pytket circuits as gates of ours."""

from __future__ import annotations

from math import pi
from operator import itemgetter
from typing import TYPE_CHECKING

from qcompile.ir.circuit import Gate
from qcompile.ir.circuit_text import gates_from_text
from qcompile.ir.decompose import placed
from qcompile.ir.gates import GATES
from qcompile.tket.angles import from_half_turns
from qcompile.tket.errors import UnsupportedOperationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytket.circuit import Circuit as TketCircuit
    from pytket.circuit import Qubit


def gates_from_pytket(
    circuit: TketCircuit, numbering: Mapping[Qubit, int] | None = None
) -> tuple[Gate, ...]:
    """Return the gates in order, equal as unitaries up to a global phase.

    Qubits are numbered in pytket's order unless `numbering` gives their numbers. Wires that
    pytket exchanged implicitly are exchanged by swaps.

    Raises UnsupportedOperationError for operations that are no gates of ours (measurements,
    conditions, boxes) and AngleNotAffineError for an angle of another form than
    c + Σ a·x<i> + Σ b·t<j>.
    """
    explicit = circuit.copy()
    explicit.replace_implicit_wire_swaps()
    number = (
        {qubit: index for index, qubit in enumerate(explicit.qubits)}
        if numbering is None
        else numbering
    )
    names = {kind.tket: name for name, kind in GATES.built_in.items() if kind.tket}
    gates: list[Gate] = []
    for command in explicit.get_commands():
        operation = command.op.type.name
        if len(command.args) != len(command.qubits):
            raise UnsupportedOperationError(operation)
        qubits = tuple(number[qubit] for qubit in command.qubits)
        if operation in names:
            name = names[operation]
            found = [from_half_turns(angle) for angle in command.op.params]
            order = GATES[name].tket_order or range(len(found))
            angles = tuple(
                angle for _, angle in sorted(zip(order, found, strict=True), key=itemgetter(0))
            )
            gates.append(Gate(name=name, qubits=qubits, angles=angles))
        elif operation in COMPOUND:
            angles = tuple(from_half_turns(angle) for angle in command.op.params)
            gates += placed(gates_from_text(COMPOUND[operation]), qubits, angles)
        else:
            raise UnsupportedOperationError(operation)
    return tuple(gates)


COMPOUND = {
    "TK1": "rz(t[2]) 0; rx(t[1]) 0; rz(t[0]) 0",
    "U2": f"rot(t[1], {pi / 2}, t[0]) 0",
    "PhasedX": "rz(-1.0*t[1]) 0; rx(t[0]) 0; rz(t[1]) 0",
    "TK2": "rxx(t[0]) 0 1; ryy(t[1]) 0 1; rzz(t[2]) 0 1",
    "V": "sx 0",
    "Vdg": "sxdg 0",
    "ZZMax": f"rzz({pi / 2}) 0 1",
    "ISWAP": "rxx(-0.5*t[0]) 0 1; ryy(-0.5*t[0]) 0 1",
    "BRIDGE": "cx 0 1; cx 1 2; cx 0 1; cx 1 2",
    "noop": "",
}
"""Further operations that are read, as what they are made of; t[0] is their first angle."""
