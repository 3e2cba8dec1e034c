"""The torch simulator, by every evaluator, against the statevectors of Qiskit and pytket."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from numpy.typing import NDArray

from qcompile.ir.circuit import Circuit, Expectations, ZeroState
from qcompile.ir.plan import DensityEvaluation, Evaluation, StatevectorEvaluation
from qcompile.ir.target import NoiseModel
from qcompile.testing.circuit_strategies import circuits, sample_inputs, seeds
from qcompile.testing.pytket_oracle import pytket_outputs
from qcompile.testing.qiskit_oracle import qiskit_outputs
from tests.backends.simulator_plans import dense, evaluate, network

DENSITY_QUBITS = 4
"""A density matrix on n qubits costs as much as a statevector on 2n."""


def check(
    circuit: Circuit, data: NDArray[np.float64], angles: NDArray[np.float64],
    expected: NDArray[np.float64],
) -> None:  # fmt: skip
    ways: list[Evaluation] = [StatevectorEvaluation(circuit=circuit), dense(circuit)]
    if circuit.qubits <= DENSITY_QUBITS:
        ways.append(DensityEvaluation(circuit=circuit, noise=NoiseModel()))
    if isinstance(circuit.initial, ZeroState) and isinstance(circuit.readout, Expectations):
        ways.append(network(circuit))
    for way in ways:
        with torch.no_grad():
            found = evaluate(way, torch.from_numpy(data), torch.from_numpy(angles))
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-10, err_msg=way.kind)


# Each example is two rows of data through every evaluator that can run its circuit.
@settings(max_examples=1000)
@given(circuit=circuits(max_qubits=8, max_gates=12), seed=seeds)
def test_every_evaluator_agrees_with_qiskit(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed)
    check(circuit, data, angles, qiskit_outputs(circuit, data, angles))


@settings(max_examples=1000)
@given(circuit=circuits(max_qubits=8, max_gates=12), seed=seeds)
def test_every_evaluator_agrees_with_pytket(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed)
    check(circuit, data, angles, pytket_outputs(circuit, data, angles))
