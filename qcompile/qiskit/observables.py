"""What a circuit measures, in Qiskit's terms; a routed circuit's final places are applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qcompile.ir.circuit import Circuit, Expectations, Probabilities
from qcompile.ir.device import RoutedCircuit
from qcompile.ir.pauli_sums import pauli_sums
from qcompile.qiskit.to_qiskit import places_of

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import SparsePauliOp


def sparse_observables(
    circuit: Circuit | RoutedCircuit, *, width: int | None = None
) -> list[SparsePauliOp]:
    """One for each output, on the qubits of `to_qiskit(circuit, width=width)`.

    A Pauli string with its sign. An outcome's probability is a projector, a sum of 2^k strings of Z
    for k qubits: an Estimator takes it, but counts of `measured(…)` cost less where k is large.

    Raises:
        ValueError: As `to_qiskit`, but for the initial state.
    """
    from qiskit.quantum_info import SparsePauliOp

    inner = circuit.circuit if isinstance(circuit, RoutedCircuit) else circuit
    places = places_of(circuit, width)
    qubits = inner.qubits if width is None else width

    return [
        SparsePauliOp.from_sparse_list(
            [
                ("".join(letter for _, letter in letters), [places[q] for q, _ in letters], factor)
                for factor, letters in terms
            ],
            num_qubits=qubits,
        )
        for terms in pauli_sums(inner.readout)
    ]


def measured(
    circuit: Circuit | RoutedCircuit, native: QuantumCircuit, *, width: int | None = None
) -> QuantumCircuit:
    """`native` with measurements of what the circuit reads, into a register `c`.

    Of probabilities: in the order in which `int(bits, 2)` of Qiskit's bit strings is our outcome.
    Of expectation values: all qubits that the strings are about, in ascending order of ours; the
    strings must be of Z alone.

    Args:
        circuit: As for `to_qiskit`.
        native: `to_qiskit(circuit, width=width)`.

    Raises:
        ValueError: A string has another letter than Z; as `to_qiskit`, but for the initial state.
    """
    from qiskit.circuit import ClassicalRegister

    inner = circuit.circuit if isinstance(circuit, RoutedCircuit) else circuit
    places = places_of(circuit, width)
    bits = measured_qubits(inner)
    result = native.copy()
    result.add_register(ClassicalRegister(len(bits), "c"))
    # A measurement in between would let a transpiler route over measured qubits.
    result.barrier()
    result.measure([places[qubit] for qubit in bits], range(len(bits)))
    return result


def measured_qubits(circuit: Circuit) -> tuple[int, ...]:
    """For each classical bit of `measured` the qubit of the circuit that it holds."""
    match circuit.readout:
        case Expectations(paulis=paulis):
            letters = [letter for pauli in paulis for letter in pauli.letters]
            if any(letter != "Z" for _, letter in letters):
                raise ValueError("a string has another letter than Z")
            return tuple(sorted({qubit for qubit, _ in letters}))
        case Probabilities(qubits=qubits):
            return qubits[::-1]
