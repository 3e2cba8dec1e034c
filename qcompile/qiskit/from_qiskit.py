"""Gates of Qiskit circuits as ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.gates import GATES
from qcompile.qiskit.to_qiskit import ANGLES, name_of

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


class NotInGates(Exception):
    """A gate that we lack, or an angle that is no sum of parameters times constants."""


def gates_from_qiskit(native: QuantumCircuit) -> tuple[Gate, ...]:
    """The gates on the circuit's qubits, by number; barriers are left out.

    Parameters are those of `to_qiskit`.

    Raises:
        NotInGates: Not all of it can be written so.
    """
    names = {name_of(Gate(name=name, qubits=())): name for name in GATES.built_in}
    places = {qubit: index for index, qubit in enumerate(native.qubits)}
    gates = []
    for item in native.data:
        operation = item.operation
        if operation.name == "barrier":
            continue
        name = names.get(operation.name)
        if name is None or len(operation.params) != GATES[name].angles:
            raise NotInGates(operation.name)
        found = [_affine(value, native) for value in operation.params]
        order = GATES[name].tket_order or range(len(found))
        angles = [found[list(order).index(place)] for place in range(len(found))]
        qubits = tuple(places[qubit] for qubit in item.qubits)
        gates.append(Gate(name=name, qubits=qubits, angles=tuple(angles)))
    return tuple(gates)


def _affine(value: Any, native: QuantumCircuit) -> Affine:
    from qiskit.circuit import ParameterExpression

    if not isinstance(value, ParameterExpression):
        return Affine(constant=float(value))
    constant = complex(value.bind(dict.fromkeys(value.parameters, 0.0)).numeric()).real
    result = Affine(constant=constant)
    for parameter in value.parameters:
        slope = value.gradient(parameter)
        if isinstance(slope, ParameterExpression):
            if slope.parameters:
                raise NotInGates(str(value))
            slope = slope.numeric()
        vector = getattr(parameter, "vector", None)
        if vector is None:
            raise NotInGates(str(value))
        terms = ((int(parameter.index), float(complex(slope).real)),)
        term = Affine(angles=terms) if vector.name == ANGLES else Affine(data=terms)
        result = result.plus(term)
    return result
