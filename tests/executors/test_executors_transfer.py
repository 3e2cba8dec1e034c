"""Circuits under a device's noise: values, gradients, and what they cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings

from qcompile.executors.constants import Constants
from qcompile.executors.transfer.assemble import transfer_program
from qcompile.executors.transfer.build import TransferEvaluator
from qcompile.executors.transfer.count import count_transfer
from qcompile.ir.circuit import Circuit, ZeroState
from qcompile.ir.plan import TransferEvaluation
from qcompile.ir.target import DEFAULT_TARGET, NoiseModel, Target
from qcompile.testing.circuit_strategies import circuits
from qcompile.testing.density_oracle import density_outputs
from qcompile.testing.known_programs import qtha_circuit
from tests.backends.simulator_plans import uploading_circuit
from tests.executors.counted import Counted, Kept
from tests.executors.device_noises import under_noise

NOISE = NoiseModel(one_qubit=0.01, two_qubit=0.02, readout=(0.03, 0.05))
TOKENS = (5, 9)


def inputs(
    circuit: Circuit, tokens: int, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor | None]:
    data = torch.linspace(-1, 1, tokens * circuit.data_width, dtype=dtype).reshape(tokens, -1)
    angles = torch.linspace(-2, 2, circuit.angle_count, dtype=dtype)
    return data, angles if circuit.angle_count else None


def built(evaluation: TransferEvaluation, target: Target = DEFAULT_TARGET) -> TransferEvaluator:
    return TransferEvaluator(transfer_program(evaluation, target), Constants())


@settings(max_examples=60, deadline=None)
@given(circuits(max_qubits=3, max_gates=10))
def test_depolarising_is_that_of_the_density_matrix(circuit: Circuit) -> None:
    assume(isinstance(circuit.initial, ZeroState))
    data, angles = inputs(circuit, 3, torch.float64)
    found = built(under_noise(circuit))(data, angles)
    trained = np.zeros(0) if angles is None else angles.numpy()
    expected = density_outputs(circuit, NOISE, data.numpy(), trained)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(circuits(max_qubits=4, max_gates=12))
def test_what_is_priced_is_what_runs(circuit: Circuit) -> None:
    assume(isinstance(circuit.initial, ZeroState))
    check(under_noise(circuit, duration=1.0))


@pytest.mark.parametrize("circuit", [qtha_circuit(3, 2), uploading_circuit(4, 3, "cx")])
def test_known_circuits_keep_what_is_predicted(circuit: Circuit) -> None:
    evaluation = under_noise(circuit, duration=1.0)
    check(evaluation)
    work = count_transfer(transfer_program(evaluation, DEFAULT_TARGET))
    few, many = (kept(evaluation, tokens) for tokens in TOKENS)
    each = (many - few) / (TOKENS[1] - TOKENS[0])
    assert work.each.kept == each
    found, predicted = (once + 256 * each for once in (few - TOKENS[0] * each, work.once.kept))
    assert predicted == pytest.approx(found, rel=0.1)


def check(evaluation: TransferEvaluation) -> None:
    program = transfer_program(evaluation, DEFAULT_TARGET)
    work = count_transfer(program)
    constants = Constants()
    evaluator = TransferEvaluator(program, constants)
    for tokens in TOKENS:
        data, angles = inputs(evaluation.circuit, tokens, torch.float32)
        with Counted() as counted:
            evaluator(data, angles)
        for name in ("products", "elementwise", "written"):
            predicted = getattr(work.once, name) + tokens * getattr(work.each, name)
            assert getattr(counted.part, name) == predicted, name
    made = sum(item.value.numel() for item in constants.items)
    assert work.tables <= 1.5 * made + 200
    assert made <= work.tables + 8 * (evaluation.circuit.outputs + evaluation.circuit.data_width)


def kept(evaluation: TransferEvaluation, tokens: int) -> int:
    constants = Constants()
    evaluator = TransferEvaluator(transfer_program(evaluation, DEFAULT_TARGET), constants)
    data, angles = inputs(evaluation.circuit, tokens, torch.float32)
    given = [tensor.requires_grad_() for tensor in (data, angles) if tensor is not None]
    found = Kept(without=[*given, *(item.value for item in constants.items)])
    with found.hooks:
        evaluator(data, angles)
    return found.total


def test_gradients_are_those_of_finite_differences() -> None:
    circuit = uploading_circuit(2, 2, "cx")
    evaluator = built(under_noise(circuit, duration=2.0))
    data, angles = inputs(circuit, 2, torch.float64)
    assert angles is not None
    given = (data.requires_grad_(), angles.requires_grad_())
    assert torch.autograd.gradcheck(evaluator, given, atol=1e-8)
    assert torch.autograd.gradgradcheck(evaluator, given, atol=1e-7)


def test_errors_of_reading_are_undone() -> None:
    circuit = qtha_circuit(3, 1)
    data, angles = inputs(circuit, 4, torch.float64)
    clean = built(under_noise(circuit, readout=(0.0, 0.0)))(data, angles)
    undone = Target(name="t", mitigate="readout")
    found = built(under_noise(circuit), undone)(data, angles)
    torch.testing.assert_close(found, clean)
    assert not torch.allclose(built(under_noise(circuit))(data, angles), clean, atol=1e-3)


@pytest.mark.parametrize("mitigate", ["none", "readout"])
def test_shots_have_the_exact_values_as_mean(mitigate: str) -> None:
    torch.manual_seed(0)
    circuit = qtha_circuit(2, 1)
    data, angles = inputs(circuit, 4, torch.float64)
    exact = Target(name="t", mitigate="readout" if mitigate == "readout" else "none")
    expected = built(under_noise(circuit), exact)(data, angles)
    sampled = built(under_noise(circuit), replace(exact, shots=1000))
    values = torch.stack([sampled(data, angles) for _ in range(60)])
    error = values.std(0) / 60**0.5
    assert ((values.mean(0) - expected).abs() < 5 * error + 1e-9).all()
    assert (values.std(0) > 0.001).any()
