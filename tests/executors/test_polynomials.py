"""Circuits as trigonometric polynomials: values, bounds, noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.executors.polynomials.circuits import polynomial_of
from qcompile.executors.polynomials.propagate import TooManyTerms
from qcompile.ir.circuit import AmplitudeState, Circuit, ZeroState
from qcompile.ir.plan import DensityEvaluation, StatevectorEvaluation
from qcompile.ir.target import DEFAULT_TARGET, NoiseModel
from qcompile.testing.circuit_strategies import circuits
from qcompile.testing.dense_oracle import dense_outputs
from qcompile.testing.density_oracle import density_outputs
from qcompile.testing.known_programs import qtha_circuit
from tests.executors.device_noises import under_noise

Real = NDArray[np.float64]
NOISE = NoiseModel(one_qubit=0.01, two_qubit=0.02, readout=(0.03, 0.05))
NOISY = replace(DEFAULT_TARGET, noise=NOISE)


def inputs(circuit: Circuit, rows: int = 5) -> tuple[Real, Real]:
    """Data, no two alike, one row of zeros among them, and angles."""
    data = np.sin(np.arange(1.0, 1 + rows * circuit.data_width)).reshape(rows, -1) * 3
    data[0] = 0.0
    return data, np.linspace(-2, 2, circuit.angle_count)


@settings(max_examples=80, deadline=None)
@given(circuits(max_qubits=4, max_gates=10))
def test_values_are_those_of_the_state(circuit: Circuit) -> None:
    data, angles = inputs(circuit)
    found = polynomial_of(StatevectorEvaluation(circuit=circuit), DEFAULT_TARGET, angles)
    assert found.bound < 1e-10
    np.testing.assert_allclose(found(data), dense_outputs(circuit, data, angles), atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(
    circuits(max_qubits=4, max_gates=14, data_width=3),
    st.sampled_from((0.01, 0.2)),
    st.sampled_from((4, 2**16)),
)
def test_what_is_left_out_stays_within_its_bound(
    circuit: Circuit, budget: float, strings: int
) -> None:
    data, angles = inputs(circuit, 20)
    evaluation = StatevectorEvaluation(circuit=circuit)
    found = polynomial_of(evaluation, DEFAULT_TARGET, angles, budget=budget, strings=strings)
    error = np.abs(found(data) - dense_outputs(circuit, data, angles)).max(0)
    assert (error <= found.bounds + 1e-12).all()
    if strings > 4:
        assert found.bound <= budget


@settings(max_examples=30, deadline=None)
@given(circuits(max_qubits=3, max_gates=8))
def test_noise_is_in_the_values(circuit: Circuit) -> None:
    data, angles = inputs(circuit)
    evaluation = DensityEvaluation(circuit=circuit, noise=NOISE)
    expected = density_outputs(circuit, NOISE, data, angles)
    np.testing.assert_allclose(polynomial_of(evaluation, NOISY, angles)(data), expected, atol=1e-10)
    assume(isinstance(circuit.initial, ZeroState))
    found = polynomial_of(under_noise(circuit), DEFAULT_TARGET, angles)
    np.testing.assert_allclose(found(data), expected, atol=1e-10)


def test_a_budget_saves_terms() -> None:
    circuit = qtha_circuit(4, 2)
    data, _ = inputs(circuit)
    angles = 0.1 * np.cos(np.arange(circuit.angle_count))
    evaluation = StatevectorEvaluation(circuit=circuit)
    terms = []
    for budget in (0.0, 1e-3, 1e-1):
        found = polynomial_of(evaluation, DEFAULT_TARGET, angles, budget=budget)
        error = np.abs(found(data) - dense_outputs(circuit, data, angles)).max()
        assert error <= found.bound + 1e-12 <= budget + 1e-9
        terms.append(found.terms)
    assert terms[0] > 2 * terms[1] > 4 * terms[2]


def test_giving_up_says_what_was_reached() -> None:
    circuit = qtha_circuit(4, 2)
    angles = np.cos(np.arange(circuit.angle_count))
    evaluation = StatevectorEvaluation(circuit=circuit)
    with pytest.raises(TooManyTerms, match="more than 16 terms are needed"):
        polynomial_of(evaluation, DEFAULT_TARGET, angles, strings=16, give_up="at once")
    with pytest.raises(TooManyTerms, match="16 terms on the way leave"):
        polynomial_of(evaluation, DEFAULT_TARGET, angles, strings=16, give_up="after a string")
    wide = replace(circuit, initial=AmplitudeState(offset=0, width=2000), data_width=2000)
    with pytest.raises(TooManyTerms, match="2,001,000 products"):
        polynomial_of(StatevectorEvaluation(circuit=wide), DEFAULT_TARGET, angles)


@pytest.mark.parametrize("limit", [1, 5])
def test_terms_are_no_more_than_allowed(limit: int) -> None:
    circuit = qtha_circuit(3, 2)
    data, angles = inputs(circuit)
    evaluation = StatevectorEvaluation(circuit=circuit)
    found = polynomial_of(evaluation, DEFAULT_TARGET, angles, terms=limit)
    assert found.terms == limit
    error = np.abs(found(data) - dense_outputs(circuit, data, angles)).max()
    assert 0.01 < error <= found.bound
