"""Our circuits as pytket circuits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from qcompile.ir.circuit import Circuit, Gate
from qcompile.ir.decompose import short_parts
from qcompile.ir.device import RoutedCircuit
from qcompile.ir.gates import GATES
from qcompile.tket.angles import to_half_turns

if TYPE_CHECKING:
    from pytket.circuit import Circuit as TketCircuit
    from pytket.circuit import Qubit


def to_pytket(circuit: Circuit | RoutedCircuit) -> TketCircuit:
    """Return the gates on qubits q[0], q[1], …, of a routed circuit on the device's `node[k]`.

    Equal as unitaries up to a global phase. Angles become affine sympy expressions in half-turns,
    in which the symbols x<i> and t<j> stand for data[i] and angles[j] in radians. The initial state
    and the read-out are not part of the result; `qcompile.tket.operators` gives the read-out.
    """
    if not isinstance(circuit, RoutedCircuit):
        return gates_to_pytket(circuit.qubits, circuit.gates)
    result = gates_to_pytket(circuit.circuit.qubits, circuit.circuit.gates)
    names = zip(result.qubits, pytket_qubits(circuit), strict=True)
    result.rename_units(dict(names))
    return result


def pytket_qubits(circuit: Circuit | RoutedCircuit) -> list[Qubit]:
    """pytket's name of every qubit of the circuit, of a routed one of every compact qubit."""
    from pytket.circuit import Node, Qubit

    if isinstance(circuit, RoutedCircuit):
        return [Node(physical) for physical in circuit.physical]
    return [Qubit(qubit) for qubit in range(circuit.qubits)]


def gates_to_pytket(qubits: int, gates: tuple[Gate, ...]) -> TketCircuit:
    """Return the gates as a pytket circuit on `qubits` qubits."""
    from pytket.circuit import Circuit as TketCircuit
    from pytket.circuit import OpType

    result = TketCircuit(qubits)
    for gate in _with_names(gates):
        kind = GATES[gate.name]
        angles = [to_half_turns(angle) for angle in gate.angles]
        if kind.tket_order:
            angles = [angles[place] for place in kind.tket_order]
        result.add_gate(OpType.from_name(kind.tket), angles, list(gate.qubits))
    return result


def _with_names(gates: Iterable[Gate]) -> Iterator[Gate]:
    """Each gate that pytket lacks as its parts."""
    for gate in gates:
        if gate.name in GATES.built_in and GATES[gate.name].tket:
            yield gate
        else:
            yield from _with_names(short_parts(gate))
