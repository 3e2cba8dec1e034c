"""Finite shots: right distribution, exact gradient, repeatable under torch's seed."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from qcompile.executors.shots import sample_distribution, sample_signs
from qcompile.ir.circuit import Circuit, Expectations, Gate, Pauli, Probabilities, ZeroState
from qcompile.ir.plan import DensityEvaluation, StatevectorEvaluation
from qcompile.ir.target import NoiseModel, Target
from tests.backends.simulator_plans import evaluate, trainable, uploading_circuit


def test_signs_are_binomial() -> None:
    torch.manual_seed(0)
    values = torch.tensor([-1.0, -0.3, 0.0, 0.8, 1.0], dtype=torch.float64)
    shots, draws = 50, 20000
    sampled = sample_signs(values.expand(draws, -1), shots)
    assert torch.equal(sampled[:, 0], torch.full((draws,), -1.0, dtype=torch.float64))
    assert torch.equal(sampled[:, -1], torch.ones(draws, dtype=torch.float64))
    torch.testing.assert_close(sampled.mean(0), values, atol=0.01, rtol=0)
    spread = (1 - values.square()) / shots
    torch.testing.assert_close(sampled.var(0), spread, atol=1e-3, rtol=0)
    counts = (sampled + 1) / 2 * shots
    torch.testing.assert_close(counts, counts.round())


def test_distributions_are_multinomial() -> None:
    torch.manual_seed(0)
    weights = torch.tensor([0.1, 0.0, 0.5, 0.05, 0.3, 0.05, 0.0, 0.0], dtype=torch.float64)
    shots, draws = 20, 20000
    sampled = sample_distribution(weights.unsqueeze(1).expand(-1, draws), shots)
    torch.testing.assert_close(sampled.sum(0), torch.ones(draws, dtype=torch.float64))
    torch.testing.assert_close(sampled.mean(1), weights, atol=0.005, rtol=0)
    covariance = (torch.diag(weights) - torch.outer(weights, weights)) / shots
    torch.testing.assert_close(torch.cov(sampled), covariance, atol=5e-4, rtol=0)


def test_gradient_is_the_exact_one() -> None:
    circuit = uploading_circuit(2, 1)
    data = torch.randn(4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    angles = torch.linspace(0, 1, circuit.angle_count, dtype=torch.float64).requires_grad_()
    evaluation = StatevectorEvaluation(circuit=circuit)
    exact = torch.autograd.grad(evaluate(evaluation, data, angles).sum(), angles)
    torch.manual_seed(3)
    target = Target(name="t", shots=10)
    first = evaluate(evaluation, data, angles, target)
    noisy = torch.autograd.grad(first.sum(), angles)
    torch.testing.assert_close(noisy, exact)
    torch.manual_seed(3)
    assert torch.equal(first, evaluate(evaluation, data, angles, target))
    assert not torch.equal(first, evaluate(evaluation, data, angles, target))


@pytest.mark.parametrize("kind", ["paulis", "probabilities"])
def test_mitigated_shots_are_unbiased(kind: Literal["paulis", "probabilities"]) -> None:
    paulis = (Pauli(letters=((0, "Z"), (1, "X")), sign=-1), Pauli(letters=((1, "Y"),)))
    circuit = Circuit(
        qubits=2,
        data_width=0,
        angle_count=2,
        initial=ZeroState(),
        gates=(
            Gate(name="rx", qubits=(0,), angles=trainable(0)),
            Gate(name="ry", qubits=(1,), angles=trainable(1)),
            Gate(name="cx", qubits=(0, 1)),
        ),
        readout=Expectations(paulis=paulis) if kind == "paulis" else Probabilities(qubits=(1, 0)),
    )
    angles = torch.tensor([0.7, 0.4], dtype=torch.float64)
    data = torch.zeros(1, 0, dtype=torch.float64)
    noise = NoiseModel(readout=(0.1, 0.2))
    evaluation = DensityEvaluation(circuit=circuit, noise=noise)
    exact = evaluate(StatevectorEvaluation(circuit=circuit), data, angles)
    torch.manual_seed(0)
    target = Target(name="t", noise=noise, mitigate="readout", shots=200000)
    mitigated = evaluate(evaluation, data, angles, target)
    torch.testing.assert_close(mitigated, exact, atol=0.02, rtol=0)
    assert not torch.equal(mitigated, exact)
    biased = evaluate(evaluation, data, angles, Target(name="t", noise=noise))
    assert (biased - exact).abs().max() > 0.05
