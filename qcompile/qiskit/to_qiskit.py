"""Our circuits as Qiskit circuits, on logical qubits, compact ones or those of a device."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from qcompile.ir.circuit import Affine, AmplitudeState, Circuit, Gate
from qcompile.ir.decompose import short_parts
from qcompile.ir.device import RoutedCircuit
from qcompile.ir.gates import GATES

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

DATA = "x"
"""Name of the ParameterVector of the data, (data_width,)."""

ANGLES = "t"
"""Name of the ParameterVector of the trainable angles, (angle_count,)."""


def to_qiskit(
    circuit: Circuit | RoutedCircuit, *, width: int | None = None, layout: bool = False
) -> QuantumCircuit:
    """Return the gates, equal as a unitary up to a global phase; nothing is measured.

    Angles are radians, affine in elements of two ParameterVectors, `x` for the data and `t` for the
    trainable angles; see `qcompile.qiskit.parameters` for their order. The circuit starts in |0…0⟩.

    Args:
        circuit: A routed circuit stays in its native gates.
        width: Of a routed circuit: the number of the device's qubits, on which it is placed. None:
            on its compact qubits 0 … k-1, as `RoutedCircuit.circuit` numbers them.
        layout: With `width`: whether the result has Qiskit's layout. It is only true of a circuit
            whose read-out absorbed no gates (`absorb-tail`): of any other, no permutation of qubits
            brings what the logical circuit measures to the device; `sparse_observables` does.

    Raises:
        ValueError: The initial state is amplitude-encoded, which no circuit with parameters can be
            (`qcompile.qiskit.prepare` prepares it for given data), or `width` is given for a
            logical circuit, or too small.
    """
    from qiskit import QuantumCircuit
    from qiskit.circuit import ParameterVector

    inner = circuit.circuit if isinstance(circuit, RoutedCircuit) else circuit
    if isinstance(inner.initial, AmplitudeState):
        raise ValueError("an amplitude-encoded state needs its data")
    places = places_of(circuit, width)
    classes = _classes()
    data = ParameterVector(DATA, inner.data_width)
    angles = ParameterVector(ANGLES, inner.angle_count)
    result = QuantumCircuit(inner.qubits if width is None else width)
    for gate in _with_names(inner.gates, classes):
        values = [_expression(angle, data, angles) for angle in in_order(gate)]
        qubits = [places[qubit] for qubit in gate.qubits]
        result.append(classes[name_of(gate)](*values), qubits, copy=False)
    if layout and width is not None and isinstance(circuit, RoutedCircuit):
        result._layout = _layout(circuit, result)
    return result


def places_of(circuit: Circuit | RoutedCircuit, width: int | None) -> tuple[int, ...]:
    """The qubit of Qiskit's circuit for each qubit of ours.

    Raises:
        ValueError: As `to_qiskit`.
    """
    if width is None:
        inner = circuit.circuit if isinstance(circuit, RoutedCircuit) else circuit
        return tuple(range(inner.qubits))
    if not isinstance(circuit, RoutedCircuit):
        raise ValueError("only a routed circuit has places on a device")
    if max(circuit.physical, default=-1) >= width:
        raise ValueError(f"the circuit needs more than {width} qubits")
    return circuit.physical


def in_order(gate: Gate) -> tuple[Affine, ...]:
    """The angles in Qiskit's order."""
    places = GATES[gate.name].tket_order or range(len(gate.angles))
    return tuple(gate.angles[place] for place in places)


def name_of(gate: Gate) -> str:
    """Qiskit's name of a gate."""
    return GATES[gate.name].qiskit or gate.name


def _with_names(gates: Iterable[Gate], known: Container[str]) -> Iterator[Gate]:
    """Each gate that Qiskit lacks as its parts."""
    for gate in gates:
        kind = GATES[gate.name]
        if gate.name in GATES.built_in and kind.qiskit != "" and name_of(gate) in known:
            yield gate
        else:
            yield from _with_names(short_parts(gate), known)


def _classes() -> dict[str, Any]:
    from qiskit.circuit.library import get_standard_gate_name_mapping

    return {name: gate.base_class for name, gate in get_standard_gate_name_mapping().items()}


def _expression(angle: Affine, data: Sequence[Any], angles: Sequence[Any]) -> Any:
    """A number where it is constant, else a ParameterExpression."""
    total: Any = None
    for vector, terms in ((data, angle.data), (angles, angle.angles)):
        for index, factor in terms:
            term = vector[index] if factor == 1.0 else factor * vector[index]
            total = term if total is None else total + term
    if total is None:
        return angle.constant
    return total + angle.constant if angle.constant else total


def _layout(routed: RoutedCircuit, native: QuantumCircuit) -> Any:
    """Where each logical qubit starts and ends, for `SparsePauliOp.apply_layout`.

    Qubits of the device without a logical one are ancillas; those that routing used go where the
    logical qubits leave room.
    """
    from qiskit.circuit import AncillaRegister, QuantumRegister
    from qiskit.transpiler.layout import Layout, TranspileLayout

    width = native.num_qubits
    starts = [routed.physical[place] for place in routed.initial]
    ends = [routed.physical[place] for place in routed.final]
    logical = QuantumRegister(len(starts), "q")
    registers = [logical]
    if width > len(starts):
        registers.append(AncillaRegister(width - len(starts), "ancilla"))
    virtual = [qubit for register in registers for qubit in register]
    starts += sorted(set(range(width)) - set(starts))
    # An ancilla stays where it is, if no logical qubit ends there.
    free = set(range(width)) - set(ends)
    moves = dict(zip(starts, ends, strict=False))
    for start in starts[len(ends) :]:
        if start in free:
            moves[start] = start
            free.remove(start)
    for start in starts:
        if start not in moves:
            moves[start] = min(free)
            free.remove(moves[start])
    return TranspileLayout(
        initial_layout=Layout(dict(zip(virtual, starts, strict=True))),
        input_qubit_mapping={qubit: index for index, qubit in enumerate(virtual)},
        final_layout=Layout({native.qubits[start]: end for start, end in moves.items()}),
        _input_qubit_count=len(logical),
        _output_qubit_list=native.qubits,
    )
