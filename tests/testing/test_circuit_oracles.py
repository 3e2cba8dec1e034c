"""The circuit oracles agree with each other over the whole gate vocabulary."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings

from qcompile.ir.circuit import (
    Affine,
    Circuit,
    Expectations,
    Gate,
    Pauli,
    Probabilities,
    Readout,
    ZeroState,
)
from qcompile.ir.gates import GATE_NAMES, GATES, GateName
from qcompile.ir.target import NoiseModel
from qcompile.testing.circuit_strategies import circuits, sample_inputs, seeds
from qcompile.testing.dense_oracle import dense_outputs, dense_unitary, gate_matrix
from qcompile.testing.density_oracle import density_outputs
from qcompile.testing.pytket_oracle import pytket_outputs, tket_circuit
from qcompile.testing.qiskit_oracle import qiskit_gates, qiskit_outputs

NONE = np.zeros(0)
NOISE = NoiseModel(one_qubit=0.03, two_qubit=0.08, readout=(0.02, 0.05))


def single(name: GateName) -> Circuit:
    values = (0.7, -1.1, 2.3)[: GATES[name].angles]
    qubits = (2, 0)[: GATES[name].qubits]
    gate = Gate(name=name, qubits=qubits, angles=tuple(Affine(constant=v) for v in values))
    return Circuit(
        qubits=3,
        data_width=0,
        angle_count=0,
        initial=ZeroState(),
        gates=(gate,),
        readout=Probabilities(qubits=(0,)),
    )


def bell(readout: Readout) -> Circuit:
    return Circuit(
        qubits=2,
        data_width=0,
        angle_count=0,
        initial=ZeroState(),
        gates=(Gate(name="h", qubits=(0,)), Gate(name="cx", qubits=(0, 1))),
        readout=readout,
    )


@pytest.mark.parametrize("name", GATE_NAMES)
def test_every_gate_has_the_matrix_of_pytket_and_of_qiskit(name: GateName) -> None:
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import Operator

    circuit = single(name)
    ours = dense_unitary(circuit.gates, 3, NONE, NONE)
    np.testing.assert_allclose(tket_circuit(circuit, NONE, NONE).get_unitary(), ours, atol=1e-12)
    native = QuantumCircuit(3)
    for _, gate, qubits in qiskit_gates(circuit, NONE, NONE):
        native.append(gate, qubits)
    np.testing.assert_allclose(Operator(native.reverse_bits()).data, ours, atol=1e-12)


@pytest.mark.parametrize("name", GATE_NAMES)
def test_the_table_of_gates_states_their_properties(name: GateName) -> None:
    kind = GATES[name]
    first, second = (0.7, -1.1, 2.3)[: kind.angles], (0.4, 2.1, -0.6)[: kind.angles]
    matrix = gate_matrix(name, first)
    size = 2**kind.qubits
    assert matrix.shape == (size, size)
    assert np.allclose(matrix, np.diag(np.diag(matrix))) == kind.diagonal
    assert np.allclose(matrix.imag, 0.0) == kind.real
    if kind.qubits == 2:
        swapped = matrix.reshape(2, 2, 2, 2).transpose(1, 0, 3, 2).reshape(4, 4)
        assert np.allclose(matrix, swapped) == kind.symmetric
    if kind.angles == 1:
        total = gate_matrix(name, (first[0] + second[0],))
        assert np.allclose(matrix @ gate_matrix(name, second), total) == kind.additive
        assert np.allclose(gate_matrix(name, (0.0,)), np.eye(size)) == kind.starts_as_identity
        assert kind.starts_as_identity or not kind.additive


@given(circuit=circuits(max_gates=8), seed=seeds)
@settings(max_examples=1500)
def test_dense_agrees_with_qiskit(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed)
    np.testing.assert_allclose(
        qiskit_outputs(circuit, data, angles), dense_outputs(circuit, data, angles), atol=1e-11
    )


@given(circuit=circuits(max_gates=8), seed=seeds)
@settings(max_examples=1500)
def test_dense_agrees_with_pytket(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed)
    np.testing.assert_allclose(
        pytket_outputs(circuit, data, angles), dense_outputs(circuit, data, angles), atol=1e-11
    )


@given(circuit=circuits(max_qubits=8, max_gates=16), seed=seeds)
@settings(max_examples=300)
def test_up_to_eight_qubits_all_agree(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed, batch=1)
    dense = dense_outputs(circuit, data, angles)
    np.testing.assert_allclose(qiskit_outputs(circuit, data, angles), dense, atol=1e-11)
    np.testing.assert_allclose(pytket_outputs(circuit, data, angles), dense, atol=1e-11)


@given(circuit=circuits(max_qubits=3, max_gates=6), seed=seeds)
@settings(max_examples=60)
def test_density_without_noise_is_the_statevector(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed, batch=1)
    np.testing.assert_allclose(
        density_outputs(circuit, NoiseModel(), data, angles),
        dense_outputs(circuit, data, angles),
        atol=1e-11,
    )


def test_noise_on_a_bell_pair_by_hand() -> None:
    strings = (
        Pauli(letters=((0, "Z"), (1, "Z"))),
        Pauli(letters=((0, "X"), (1, "X")), sign=-1),
        Pauli(letters=((0, "Z"),)),
        Pauli(letters=()),
    )
    found = density_outputs(bell(Expectations(paulis=strings)), NOISE, np.zeros((1, 0)), NONE)[0]
    up, down = NOISE.readout
    factor, bias = 1 - up - down, down - up
    # ZZ of the pair is a stabiliser of |0⟩ before the gates, so the first channel leaves it.
    assert found[0] == pytest.approx(factor**2 * (1 - NOISE.two_qubit) + bias**2)
    x_part = factor**2 * (1 - NOISE.one_qubit) * (1 - NOISE.two_qubit) + bias**2
    assert found[1] == pytest.approx(-x_part)
    assert found[2] == pytest.approx(bias)
    assert found[3] == 1.0


def test_read_out_errors_act_on_probabilities() -> None:
    noise = NoiseModel(readout=(0.1, 0.3))
    found = density_outputs(bell(Probabilities(qubits=(1, 0))), noise, np.zeros((1, 0)), NONE)[0]
    expected = [(0.81 + 0.09) / 2, (0.09 + 0.21) / 2, (0.09 + 0.21) / 2, (0.01 + 0.49) / 2]
    np.testing.assert_allclose(found, expected)
    assert math.fsum(found) == pytest.approx(1.0)
