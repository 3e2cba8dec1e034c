"""What a circuit measures, as operators of pytket on the qubits of `to_pytket`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qcompile.ir.circuit import Circuit
from qcompile.ir.device import RoutedCircuit
from qcompile.ir.pauli_sums import pauli_sums
from qcompile.tket.to_pytket import pytket_qubits

if TYPE_CHECKING:
    from pytket.utils.operators import QubitPauliOperator


def pauli_operators(circuit: Circuit | RoutedCircuit) -> list[QubitPauliOperator]:
    """One for each output, for `get_operator_expectation_value` and pytket's back ends.

    A Pauli string with its sign; an outcome's probability is a projector, a sum of 2^k strings of Z
    for k qubits.
    """
    from pytket.pauli import Pauli, QubitPauliString
    from pytket.utils.operators import QubitPauliOperator

    inner = circuit.circuit if isinstance(circuit, RoutedCircuit) else circuit
    qubits = pytket_qubits(circuit)
    return [
        QubitPauliOperator(
            {
                QubitPauliString(
                    [qubits[qubit] for qubit, _ in letters],
                    [getattr(Pauli, letter) for _, letter in letters],
                ): factor
                for factor, letters in terms
            }
        )
        for terms in pauli_sums(inner.readout)
    ]
