"""Amplitude-encoded states as gates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcompile.ir.bind import bind_circuit
from qcompile.ir.circuit import AmplitudeState, Circuit, Probabilities, ZeroState
from qcompile.qiskit.prepare import prepared
from qcompile.testing.circuit_strategies import circuits, sample_inputs, seeds
from qcompile.testing.dense_oracle import dense_outputs

NONE = np.zeros(0)


def encoded(qubits: int, width: int) -> Circuit:
    return Circuit(
        qubits=qubits,
        data_width=width,
        angle_count=0,
        initial=AmplitudeState(offset=0, width=width),
        gates=(),
        readout=Probabilities(qubits=tuple(range(qubits))),
    )


def entanglers(circuit: Circuit) -> int:
    return sum(len(gate.qubits) == 2 for gate in circuit.gates)


@settings(max_examples=40)
@given(circuit=circuits(), seed=seeds)
def test_prepared_and_bound_circuits_have_the_oracle_s_outputs(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed)
    expected = dense_outputs(circuit, data, angles)
    for row, values in zip(data, expected, strict=True):
        bound = bind_circuit(prepared(circuit, row), data=row, angles=angles)
        assert bound.initial == ZeroState() and bound.data_width == bound.angle_count == 0
        found = dense_outputs(bound, np.zeros((1, 0)), NONE)[0]
        np.testing.assert_allclose(found, values, atol=1e-10)


@settings(max_examples=40)
@given(
    values=st.lists(
        st.one_of(st.sampled_from((0.0, 1.0, -1.0, 1e-300, 1e300, 1e-9)), st.floats(-2, 2)),
        min_size=1,
        max_size=8,
    )
)
def test_states_of_any_numbers_are_exact(values: list[float]) -> None:
    circuit = encoded(3, len(values))
    bound = bind_circuit(prepared(circuit, values), data=values)
    scale = max(map(abs, values)) or 1.0
    weights = np.square(np.resize(np.array([v / scale for v in values] + [0.0] * 8), 8))
    weights = weights / weights.sum() if weights.any() else np.eye(8)[0]
    np.testing.assert_allclose(dense_outputs(bound, np.zeros((1, 0)), NONE)[0], weights, atol=1e-12)


@pytest.mark.parametrize("qubits", [1, 2, 3, 4, 5, 6])
def test_two_qubit_gates_are_as_few_as_the_synthesis_promises(qubits: int) -> None:
    values = np.random.default_rng(qubits).normal(size=2**qubits)
    assert entanglers(prepared(encoded(qubits, 2**qubits), values)) == 2**qubits - qubits - 1


def test_zero_and_basis_states_cost_nothing() -> None:
    circuit = encoded(3, 8)
    assert prepared(circuit, np.zeros(8)).gates == ()
    basis = prepared(circuit, -2.0 * np.eye(8)[6])
    assert [(gate.name, gate.qubits) for gate in basis.gates] == [("x", (0,)), ("x", (1,))]


def test_data_that_are_no_data_are_refused() -> None:
    for data in (np.zeros(7), np.full(8, np.nan)):
        with pytest.raises(ValueError, match="8 finite numbers"):
            prepared(encoded(3, 8), data)
    with pytest.raises(ValueError, match="has no angles"):
        bind_circuit(encoded(3, 8), data=np.zeros(8))
