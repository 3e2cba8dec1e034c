"""Numbers in the place of data and angles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from qcompile.ir.bind import bind_circuit
from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, ZeroState
from qcompile.testing.circuit_strategies import circuits, sample_inputs, seeds
from qcompile.testing.dense_oracle import dense_outputs


@settings(max_examples=40)
@given(circuit=circuits(amplitude=False), seed=seeds)
def test_bound_circuits_have_the_same_outputs(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed)
    none = np.zeros(0)
    expected = dense_outputs(circuit, data, angles)
    found = dense_outputs(bind_circuit(circuit, angles=angles), data, none)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    by_data = bind_circuit(circuit, data=data[0])
    found = dense_outputs(by_data, np.zeros((1, 0)), angles)
    np.testing.assert_allclose(found[0], expected[0], atol=1e-12)
    whole = bind_circuit(by_data, angles=angles)
    assert all(angle.is_constant for gate in whole.gates for angle in gate.angles)
    assert whole == bind_circuit(circuit, data=data[0], angles=angles)


def test_values_of_the_wrong_number_or_not_finite_are_refused() -> None:
    angle = Affine(data=((0, 1.0),), angles=((1, 2.0),))
    circuit = Circuit(
        qubits=1,
        data_width=1,
        angle_count=2,
        initial=ZeroState(),
        gates=(Gate(name="rx", qubits=(0,), angles=(angle,)),),
        readout=Expectations(paulis=(Pauli(letters=((0, "Z"),)),)),
    )
    with pytest.raises(ValueError, match="1 data are needed, not 0"):
        bind_circuit(circuit, data=())
    with pytest.raises(ValueError, match="2 angles are needed, not 1"):
        bind_circuit(circuit, angles=(0.5,))
    with pytest.raises(ValueError, match="not finite"):
        bind_circuit(circuit, angles=(0.5, float("inf")))
