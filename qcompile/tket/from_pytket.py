"""pytket circuits as gates of ours."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from qcompile.ir.circuit import Affine, Gate
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
            gates.extend(_compound(operation, qubits, tuple(command.op.params)))
        else:
            raise UnsupportedOperationError(operation)
    return tuple(gates)


COMPOUND = frozenset({"TK1", "U2", "PhasedX", "TK2", "ZZMax", "ISWAP", "BRIDGE", "noop"})
"""Further operations that are read, each as the gates it is composed of."""


def _compound(operation: str, qubits: tuple[int, ...], params: tuple[Any, ...]) -> tuple[Gate, ...]:
    angles = tuple(from_half_turns(angle) for angle in params)
    quarter = Affine(constant=1.5707963267948966)
    match operation:
        case "TK1":
            first, middle, last = angles
            return (
                Gate(name="rz", qubits=qubits, angles=(last,)),
                Gate(name="rx", qubits=qubits, angles=(middle,)),
                Gate(name="rz", qubits=qubits, angles=(first,)),
            )
        case "U2":
            first, last = angles
            return (Gate(name="rot", qubits=qubits, angles=(last, quarter, first)),)
        case "PhasedX":
            turn, axis = angles
            return (
                Gate(name="rz", qubits=qubits, angles=(axis.times(-1.0),)),
                Gate(name="rx", qubits=qubits, angles=(turn,)),
                Gate(name="rz", qubits=qubits, angles=(axis,)),
            )
        case "TK2":
            xx, yy, zz = angles
            return (
                Gate(name="rxx", qubits=qubits, angles=(xx,)),
                Gate(name="ryy", qubits=qubits, angles=(yy,)),
                Gate(name="rzz", qubits=qubits, angles=(zz,)),
            )
        case "ZZMax":
            return (Gate(name="rzz", qubits=qubits, angles=(quarter,)),)
        case "ISWAP":
            half = (angles[0].times(-0.5),)
            return (
                Gate(name="rxx", qubits=qubits, angles=half),
                Gate(name="ryy", qubits=qubits, angles=half),
            )
        case "BRIDGE":
            control, between, target = qubits
            near = Gate(name="cx", qubits=(control, between))
            far = Gate(name="cx", qubits=(between, target))
            return (near, far, near, far)
        case _:
            return ()
