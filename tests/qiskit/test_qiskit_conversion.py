"""Circuits as Qiskit's, against oracles that share no code with the conversion."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from qcompile.backends.devices import load_device
from qcompile.ir.circuit import (
    Affine,
    AmplitudeState,
    Circuit,
    Expectations,
    Gate,
    Pauli,
    Probabilities,
    ZeroState,
)
from qcompile.ir.device import Device, RoutedCircuit
from qcompile.ir.gates import GATE_NAMES, GATES, GateName
from qcompile.ir.target import CouplingDevice
from qcompile.qiskit.from_qiskit import NotInGates, gates_from_qiskit
from qcompile.qiskit.observables import measured, measured_qubits, sparse_observables
from qcompile.qiskit.parameters import parameter_order, parameter_values
from qcompile.qiskit.to_qiskit import to_qiskit
from qcompile.testing.circuit_strategies import circuits, sample_inputs, seeds
from qcompile.testing.dense_oracle import dense_outputs, dense_unitary
from tests.passes.routed import PLAIN, route

NONE = np.zeros(0)
RING = load_device(
    CouplingDevice(
        qubits=6, edges=((0, 1), (0, 5), (1, 2), (2, 3), (3, 4), (4, 5)), label="ring(6)"
    )
)


def estimated(native: Any, operators: list[Any], values: Any) -> Any:
    """(K, outputs): expectation values by Qiskit's exact Estimator."""
    from qiskit.primitives import StatevectorEstimator

    pub = (native, [[operator] for operator in operators], values)
    return np.atleast_2d(StatevectorEstimator().run([pub]).result()[0].data.evs.T)


def outputs(
    circuit: Circuit | RoutedCircuit, data: Any, angles: Any, *, width: int | None = None
) -> Any:
    native = to_qiskit(circuit, width=width)
    operators = sparse_observables(circuit, width=width)
    return estimated(native, operators, parameter_values(native, data, angles))


def routed_on(device: Device, circuit: Circuit, passes: str = PLAIN) -> RoutedCircuit:
    found = route(circuit, device, "gates", remark=lambda _: None, passes=passes)
    assert found is not None
    return found


def wide() -> Circuit:
    """Twelve data and twelve angles, so that names would sort otherwise than numbers."""
    gates = []
    for index in range(12):
        wire = index % 3
        datum = Affine(data=((index, 1.0),), constant=0.1 * index)
        angle = Affine(angles=((11 - index, -0.5),), data=((index, 2.0),))
        gates += [
            Gate(name="ry", qubits=(wire,), angles=(datum,)),
            Gate(name="cx", qubits=(wire, (wire + 1) % 3)),
            Gate(name="rx", qubits=(wire,), angles=(angle,)),
        ]
    return Circuit(
        qubits=3,
        data_width=12,
        angle_count=12,
        initial=ZeroState(),
        gates=tuple(gates),
        readout=Expectations(
            paulis=(Pauli(letters=((0, "X"), (2, "Y")), sign=-1), Pauli(letters=((1, "Z"),)))
        ),
    )


@pytest.mark.parametrize("name", GATE_NAMES)
def test_every_gate_has_its_matrix_and_is_one_gate_where_qiskit_has_it(name: GateName) -> None:
    from qiskit.quantum_info import Operator

    kind = GATES[name]
    angles = tuple(Affine(constant=value) for value in (0.7, -1.1, 2.3)[: kind.angles])
    gate = Gate(name=name, qubits=(2, 0)[: kind.qubits], angles=angles)
    circuit = replace(wide(), gates=(gate,), data_width=0, angle_count=0)
    native = to_qiskit(circuit)
    expected = dense_unitary(circuit.gates, 3, NONE, NONE)
    found = Operator(native.reverse_bits()).data
    assert abs(abs(np.trace(expected.conj().T @ found)) / 8 - 1.0) < 1e-12
    assert len(native) == 1 or kind.qiskit == ""


@settings(max_examples=60)
@given(circuit=circuits(amplitude=False), seed=seeds)
def test_logical_circuits_have_the_oracle_s_outputs(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed, batch=3)
    np.testing.assert_allclose(
        outputs(circuit, data, angles), dense_outputs(circuit, data, angles), atol=1e-10
    )


@settings(max_examples=20)
@given(circuit=circuits(amplitude=False), seed=seeds)
def test_routed_circuits_have_the_oracle_s_outputs(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed)
    routed = routed_on(RING, circuit)
    expected = dense_outputs(circuit, data, angles)
    np.testing.assert_allclose(outputs(routed, data, angles), expected, atol=1e-10)
    np.testing.assert_allclose(outputs(routed, data, angles, width=6), expected, atol=1e-10)
    native = to_qiskit(routed, width=6)
    assert {instruction.operation.name for instruction in native} <= set(RING.native)


@settings(max_examples=20)
@given(circuit=circuits(amplitude=False), seed=seeds)
def test_the_layout_brings_observables_of_the_logical_circuit_to_the_device(
    circuit: Circuit, seed: int
) -> None:
    data, angles = sample_inputs(circuit, seed)
    routed = routed_on(RING, circuit)
    native = to_qiskit(routed, width=6, layout=True)
    operators = [operator.apply_layout(native.layout) for operator in sparse_observables(circuit)]
    assert [o.simplify() for o in operators] == [
        o.simplify() for o in sparse_observables(routed, width=6)
    ]
    found = estimated(native, operators, parameter_values(native, data, angles))
    np.testing.assert_allclose(found, dense_outputs(circuit, data, angles), atol=1e-10)


def test_the_layout_is_kept_by_qpy_and_by_a_transpiler() -> None:
    from qiskit import qpy, transpile

    routed = routed_on(RING, wide())
    native = to_qiskit(routed, width=6, layout=True)
    stream = io.BytesIO()
    qpy.dump(native, stream)
    stream.seek(0)
    (back,) = qpy.load(stream)
    ends = [routed.physical[place] for place in routed.final]
    assert back.layout.final_index_layout() == native.layout.final_index_layout() == ends
    assert back.layout.initial_index_layout(filter_ancillas=True) == [
        routed.physical[place] for place in routed.initial
    ]
    again = transpile(native, basis_gates=["rz", "sx", "cz"], optimization_level=0)
    assert again.num_qubits == 6


def test_what_the_read_out_absorbed_is_in_the_observables_alone() -> None:
    """A last row of cx is measured as parities, which no permutation of qubits is."""
    entangled = replace(
        wide(),
        gates=(*wide().gates, *(Gate(name="cx", qubits=pair) for pair in ((0, 1), (1, 2), (2, 0)))),
        readout=Expectations(paulis=tuple(Pauli(letters=((q, "Z"),)) for q in range(3))),
    )
    data, angles = sample_inputs(entangled, seed=4)
    routed = routed_on(RING, entangled, "absorb-tail,native-gates,place,route,native-gates")
    assert isinstance(routed.circuit.readout, Expectations)
    assert any(len(pauli.letters) > 1 for pauli in routed.circuit.readout.paulis)
    assert to_qiskit(routed, width=6).layout is None
    found = outputs(routed, data, angles, width=6)
    np.testing.assert_allclose(found, dense_outputs(entangled, data, angles), atol=1e-10)


def test_values_follow_the_numbers_of_data_and_angles() -> None:
    native = to_qiskit(wide())
    order = parameter_order(native)
    assert order == tuple((vector, k) for vector in "tx" for k in range(12))
    data, angles = np.arange(24.0).reshape(2, 12), np.arange(12.0) / 10
    values = parameter_values(native, data, angles)
    np.testing.assert_array_equal(values, [[*angles, *data[0]], [*angles, *data[1]]])
    own = np.stack([angles, -angles])
    np.testing.assert_array_equal(
        parameter_values(native, data[0], own), [[*angles, *data[0]], [*-angles, *data[0]]]
    )


def test_values_follow_what_a_pass_of_qiskit_left() -> None:
    from qiskit import transpile

    unused = Gate(name="rz", qubits=(0,), angles=(Affine(angles=((0, 1.0),)),))
    gates = (unused, replace(unused, angles=(Affine(angles=((0, -1.0),), data=((3, 1.0),)),)))
    circuit = replace(wide(), gates=gates)
    native = transpile(to_qiskit(circuit), basis_gates=["rz", "sx", "cz"], optimization_level=1)
    data, angles = np.arange(12.0), np.arange(12.0) + 0.5
    order = parameter_order(native)
    expected = [(angles if vector == "t" else data)[index] for vector, index in order]
    np.testing.assert_array_equal(parameter_values(native, data, angles)[0], expected)


def test_values_that_are_missing_or_foreign_are_refused() -> None:
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter

    native = to_qiskit(wide())
    with pytest.raises(ValueError, match=r"no value for t\[11\]"):
        parameter_values(native, np.zeros(12), np.zeros(11))
    with pytest.raises(ValueError):
        parameter_values(native, np.zeros((2, 12)), np.zeros((3, 12)))
    foreign = QuantumCircuit(1)
    foreign.rx(Parameter("t0"), 0)
    with pytest.raises(ValueError, match="`t0` is no element"):
        parameter_values(foreign, NONE, NONE)


def test_an_encoded_state_needs_its_data() -> None:
    circuit = replace(wide(), initial=AmplitudeState(offset=0, width=8))
    with pytest.raises(ValueError, match="needs its data"):
        to_qiskit(circuit)


def test_a_width_belongs_to_routed_circuits() -> None:
    with pytest.raises(ValueError, match="only a routed circuit"):
        to_qiskit(wide(), width=5)
    with pytest.raises(ValueError, match="more than 2 qubits"):
        sparse_observables(routed_on(RING, wide()), width=2)


@pytest.mark.parametrize("qubits", [(2, 0), (0, 1, 2), (1,)])
@pytest.mark.parametrize("width", [None, 6])
def test_bit_strings_are_read_in_our_order(qubits: tuple[int, ...], width: int | None) -> None:
    from qiskit.quantum_info import Statevector

    circuit = replace(wide(), readout=Probabilities(qubits=qubits))
    data, angles = sample_inputs(circuit, seed=2, batch=1)
    place = circuit if width is None else routed_on(RING, circuit)
    native = to_qiskit(place, width=width)
    bound = native.assign_parameters(parameter_values(native, data, angles)[0])
    whole = measured(place, bound, width=width)
    assert whole.clbits and [i.operation.name for i in whole][-len(qubits) :] == ["measure"] * len(
        qubits
    )
    found = np.zeros(2 ** len(qubits))
    reads = [whole.find_bit(i.qubits[0]).index for i in whole.data if i.operation.name == "measure"]
    for bits, value in Statevector(bound).probabilities_dict(reads).items():
        found[int(bits, 2)] = value
    np.testing.assert_allclose(found, dense_outputs(circuit, data, angles)[0], atol=1e-12)


def test_strings_of_z_are_measured_once_each() -> None:
    readout = Expectations(
        paulis=(Pauli(letters=((2, "Z"),)), Pauli(letters=((0, "Z"), (2, "Z")), sign=-1))
    )
    circuit = replace(wide(), readout=readout)
    assert measured_qubits(circuit) == (0, 2)
    assert measured(circuit, to_qiskit(circuit)).num_clbits == 2
    with pytest.raises(ValueError, match="another letter than Z"):
        measured_qubits(wide())


@settings(max_examples=40)
@given(circuit=circuits(max_qubits=3, max_gates=12, amplitude=False))
def test_gates_come_back(circuit: Circuit) -> None:
    found = gates_from_qiskit(to_qiskit(circuit))
    data, angles = sample_inputs(circuit, 0, batch=1)
    np.testing.assert_allclose(
        dense_outputs(replace(circuit, gates=found), data, angles),
        dense_outputs(circuit, data, angles),
        atol=1e-9,
    )


def test_sums_of_parameters_come_back_and_products_do_not() -> None:
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter, ParameterVector

    angles, data = ParameterVector("t", 2), ParameterVector("x", 1)
    native = QuantumCircuit(1)
    native.rx(0.5 * angles[0] - 2 * data[0] + 0.25, 0)
    native.barrier()
    (gate,) = gates_from_qiskit(native)
    assert gate.angles == (Affine(constant=0.25, data=((0, -2.0),), angles=((0, 0.5),)),)
    for value in (angles[0] * angles[1], Parameter("a")):
        other = QuantumCircuit(1)
        other.rx(value, 0)
        with pytest.raises(NotInGates):
            gates_from_qiskit(other)
    foreign = QuantumCircuit(3)
    foreign.ccx(0, 1, 2)
    with pytest.raises(NotInGates):
        gates_from_qiskit(foreign)
