"""Circuits on real devices of every kind, against MQT QCEC and Qiskit's exact Estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcompile.backends.devices import load_device
from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, ZeroState
from qcompile.ir.device import Device, RoutedCircuit, gates_of
from qcompile.ir.target import NamedDevice
from qcompile.qiskit.observables import sparse_observables
from qcompile.qiskit.parameters import parameter_values
from qcompile.qiskit.to_qiskit import to_qiskit
from qcompile.testing.circuit_strategies import sample_inputs
from qcompile.testing.dense_oracle import dense_outputs
from tests.passes.routed import PLAIN, route

KINDS = ("fake_torino", "fake_sherbrooke", "fake_cairo", "fake_washington", "fake_almaden")


def device(name: str) -> Device:
    return load_device(NamedDevice(name=name))


def layers(qubits: int, depth: int, entangler: str, *, ring: bool = True) -> Circuit:
    """RY of data, then layers of RY, RZ and a ring or a brickwork of entanglers; all Z read."""
    gates = [
        Gate(name="ry", qubits=(q,), angles=(Affine(data=((q, 1.0),)),)) for q in range(qubits)
    ]
    count = 0
    for _ in range(depth):
        for q in range(qubits):
            for name in ("ry", "rz"):
                angle = Affine(angles=((count, 1.0),))
                gates.append(Gate(name=name, qubits=(q,), angles=(angle,)))
                count += 1
        pairs = [(q, (q + 1) % qubits) for q in range(qubits if ring else qubits - 1)]
        for pair in pairs if ring else [*pairs[::2], *pairs[1::2]]:
            turned = entangler in ("rzz", "crx")
            angles = (Affine(angles=((count, 1.0),)),) if turned else ()
            count += turned
            gates.append(Gate(name=entangler, qubits=pair, angles=angles))
    return Circuit(
        qubits=qubits,
        data_width=qubits,
        angle_count=count,
        initial=ZeroState(),
        gates=tuple(gates),
        readout=Expectations(paulis=tuple(Pauli(letters=((q, "Z"),)) for q in range(qubits))),
    )


def routed_on(name: str, circuit: Circuit) -> RoutedCircuit:
    found = route(circuit, device(name), "gates", remark=lambda _: None, passes=PLAIN)
    assert found is not None
    native = gates_of(device(name))
    for gate in found.circuit.gates:
        assert (gate.name, tuple(found.physical[q] for q in gate.qubits)) in native
    return found


@pytest.mark.parametrize("entangler", ["cx", "rzz"])
@pytest.mark.parametrize("name", [*KINDS, "fake_fractional"])
def test_values_are_those_of_the_logical_circuit(name: str, entangler: str) -> None:
    circuit = layers(5, 2, entangler)
    routed = routed_on(name, circuit)
    data, angles = sample_inputs(circuit, 3, batch=2)
    native = to_qiskit(routed)
    found = estimated(native, sparse_observables(routed), parameter_values(native, data, angles))
    np.testing.assert_allclose(found, dense_outputs(circuit, data, angles), atol=1e-10)


def estimated(native: Any, operators: list[Any], values: Any) -> Any:
    from qiskit.primitives import StatevectorEstimator

    pub = (native, [[operator] for operator in operators], values)
    return np.atleast_2d(StatevectorEstimator().run([pub]).result()[0].data.evs.T)


def test_ten_qubits_have_the_unitary_of_the_logical_circuit() -> None:
    """As a matrix, in which Qiskit undoes the places that its layout has."""
    from qiskit.quantum_info import Operator

    circuit = layers(10, 1, "crx")
    edges = tuple((q, q + 1) for q in range(9))
    line = Device(name="line", qubits=10, edges=edges, native=("rz", "sx", "x", "cz"))
    passes = "place,route,native-gates"
    routed = route(circuit, line, "gates", remark=lambda _: None, passes=passes)
    assert routed is not None and routed.initial != routed.final
    data, angles = sample_inputs(circuit, 5, batch=1)
    sides = []
    for side in (to_qiskit(circuit), to_qiskit(routed, width=10, layout=True)):
        values = np.asarray(parameter_values(side, data, angles)).reshape(-1)
        sides.append(Operator.from_circuit(side.assign_parameters(values)).data)
    # Equal up to a phase: no unitary has a larger trace.
    np.testing.assert_allclose(np.abs(np.vdot(*sides)), 2**10, rtol=1e-12)


@pytest.mark.parametrize(("qubits", "ring"), [(8, True), (20, False)])
@pytest.mark.parametrize("name", KINDS)
def test_large_circuits_are_equivalent_by_decision_diagrams(
    name: str, qubits: int, ring: bool
) -> None:
    qcec = pytest.importorskip("mqt.qcec")
    circuit = layers(qubits, 1, "cx", ring=ring)
    routed = routed_on(name, circuit)
    data, angles = sample_inputs(circuit, 5, batch=1)
    sides = []
    for side in (
        to_qiskit(circuit),
        to_qiskit(routed, width=device(name).qubits, layout=True),
    ):
        values = parameter_values(side, data, angles)
        sides.append(side.assign_parameters(np.asarray(values).reshape(-1)))
    result = qcec.verify(*sides, timeout=60.0)
    assert str(result.equivalence).rpartition(".")[2] in (
        "equivalent",
        "equivalent_up_to_global_phase",
    )
    # A gate more is found.
    sides[1].x(routed.physical[routed.final[0]])
    assert "not_equivalent" in str(qcec.verify(*sides, timeout=60.0).equivalence)
