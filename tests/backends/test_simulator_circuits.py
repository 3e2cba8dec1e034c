"""Every evaluator against dense matrices, and its gradients against shift rules and differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

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
from qcompile.ir.gates import GATE_NAMES, GATES, GateName
from qcompile.ir.plan import (
    DataLayer,
    DenseEvaluation,
    DensityEvaluation,
    Evaluation,
    HoistedBlock,
    StatevectorEvaluation,
)
from qcompile.ir.target import NoiseModel, Target
from qcompile.testing.circuit_strategies import circuits, sample_inputs, seeds
from qcompile.testing.dense_oracle import dense_outputs
from qcompile.testing.density_oracle import density_outputs
from tests.backends.simulator_plans import (
    dense,
    evaluate,
    fused,
    network,
    trainable,
    uploading_circuit,
)


def evaluations(circuit: Circuit) -> list[Evaluation]:
    found: list[Evaluation] = [
        StatevectorEvaluation(circuit=circuit),
        dense(circuit),
        fused(circuit),
        DensityEvaluation(circuit=circuit, noise=NoiseModel()),
    ]
    if isinstance(circuit.initial, ZeroState) and isinstance(circuit.readout, Expectations):
        found.append(network(circuit))
    return found


def check(circuit: Circuit, seed: int, batch: int = 2) -> None:
    data, angles = sample_inputs(circuit, seed, batch)
    expected = dense_outputs(circuit, data, angles)
    for evaluation in evaluations(circuit):
        got = evaluate(evaluation, torch.tensor(data), torch.tensor(angles)).numpy()
        np.testing.assert_allclose(got, expected, atol=1e-10, err_msg=evaluation.kind)


@settings(max_examples=120, deadline=None)
@given(circuits(max_gates=10), seeds)
def test_evaluators_agree_with_dense_matrices(circuit: Circuit, seed: int) -> None:
    check(circuit, seed)


@settings(max_examples=30, deadline=None)
@given(circuits(names=("ry", "cx", "cz", "h", "x", "cry", "ch", "z", "swap")), seeds)
def test_real_circuits_agree_with_dense_matrices(circuit: Circuit, seed: int) -> None:
    check(circuit, seed)


GATES_AND_SOURCES = [
    (name, source)
    for name in GATE_NAMES
    for source in (("data", "angles", "both") if GATES[name].angles else ("nothing",))
]


@pytest.mark.parametrize(("name", "source"), GATES_AND_SOURCES)
def test_each_gate_between_entanglers(name: GateName, source: str) -> None:
    angles = tuple(
        Affine(
            constant=0.3,
            data=((k, 0.7),) if source != "angles" else (),
            angles=((k, -1.1),) if source != "data" else (),
        )
        for k in range(GATES[name].angles)
    )
    wires = (2, 0)[: GATES[name].qubits]
    mix = [Gate(name="rot", qubits=(q,), angles=trainable(3) * 3) for q in range(3)]
    ring = [Gate(name="cx", qubits=(q, (q + 1) % 3)) for q in range(3)]
    circuit = Circuit(
        qubits=3,
        data_width=3,
        angle_count=4,
        initial=ZeroState(),
        gates=(*mix, *ring, Gate(name=name, qubits=wires, angles=angles), *mix),
        readout=Expectations(
            paulis=(
                Pauli(letters=((0, "X"), (2, "Y"))),
                Pauli(letters=((1, "Z"),), sign=-1),
                Pauli(letters=()),
            )
        ),
    )
    check(circuit, 4)


@pytest.mark.parametrize("qubits", [6, 7])
def test_wide_circuits_cut_qubits_into_blocks(qubits: int) -> None:
    circuit = uploading_circuit(qubits, 2)
    data, angles = sample_inputs(circuit, 2, 2)
    expected = dense_outputs(circuit, data, angles)
    for evaluation in (
        StatevectorEvaluation(circuit=circuit),
        dense(circuit),
        fused(circuit),
    ):
        got = evaluate(evaluation, torch.tensor(data), torch.tensor(angles))
        np.testing.assert_allclose(got.numpy(), expected, atol=1e-10)


def test_segments_may_hold_any_gates() -> None:
    circuit = uploading_circuit(3, 2)
    data, angles = sample_inputs(circuit, 6, 3)
    expected = dense_outputs(circuit, data, angles)
    free = [not any(angle.data for angle in gate.angles) for gate in circuit.gates]
    first = free.index(True)
    end = free.index(False, first)
    segments = (
        DataLayer(gates=circuit.gates[: first + 2]),
        HoistedBlock(gates=circuit.gates[first + 2 : end - 1]),
        DataLayer(gates=circuit.gates[end - 1 :]),
    )
    got = evaluate(
        DenseEvaluation(circuit=circuit, segments=segments),
        torch.tensor(data),
        torch.tensor(angles),
    )
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-10)


@settings(max_examples=20, deadline=None)
@given(circuits(max_qubits=3, max_gates=6), seeds)
def test_noise_agrees_with_channels(circuit: Circuit, seed: int) -> None:
    noise = NoiseModel(one_qubit=0.03, two_qubit=0.1, readout=(0.05, 0.1))
    data, angles = sample_inputs(circuit, seed)
    got = evaluate(
        DensityEvaluation(circuit=circuit, noise=noise), torch.tensor(data), torch.tensor(angles)
    )
    expected = density_outputs(circuit, noise, data, angles)
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-10)


@settings(max_examples=15, deadline=None)
@given(circuits(max_qubits=3, max_gates=5), seeds)
def test_mitigation_undoes_the_readout_error(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed)
    faulty = NoiseModel(one_qubit=0.03, readout=(0.05, 0.1))
    got = evaluate(
        DensityEvaluation(circuit=circuit, noise=faulty),
        torch.tensor(data),
        torch.tensor(angles),
        Target(name="t", noise=faulty, mitigate="readout"),
    )
    expected = density_outputs(circuit, NoiseModel(one_qubit=0.03), data, angles)
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-10)


def gradients(evaluation: Evaluation, data: Tensor, angles: Tensor) -> tuple[Tensor, Tensor]:
    """Of the first output, for (w,) data and (k,) angles."""
    x, t = data.clone().requires_grad_(), angles.clone().requires_grad_()
    value = evaluate(evaluation, x.unsqueeze(0), t)[0, 0]
    of_data, of_angles = torch.autograd.grad(value, (x, t))
    return of_data, of_angles


def shifted(evaluation: Evaluation, data: Tensor, angles: Tensor, index: int, by: float) -> Tensor:
    moved = angles.clone()
    moved[index] += by
    return evaluate(evaluation, data.unsqueeze(0), moved)[0, 0]


@pytest.mark.parametrize("kind", ["statevector", "dense", "density", "network", "fused"])
def test_angle_gradients_obey_the_shift_rules(kind: str) -> None:
    circuit = uploading_circuit(3, 2)
    data, angles = (torch.tensor(v) for v in sample_inputs(circuit, 8, 1))
    data = data[0]
    evaluation = next(e for e in evaluations(circuit) if e.kind == kind)
    _, found = gradients(evaluation, data, angles)
    controlled = {
        term[0]
        for gate in circuit.gates
        if GATES[gate.name].qubits == 2
        for term in gate.angles[0].angles
    }
    for index in range(0, circuit.angle_count, 2):

        def at(by: float, index: int = index) -> Tensor:
            return shifted(evaluation, data, angles, index, by)

        if index in controlled:
            # Eigenvalue differences 1/2 and 1: Anselmetti et al. 2021, equation (9).
            root = math.sqrt(2)
            near = (root + 1) / (4 * root) * (at(math.pi / 2) - at(-math.pi / 2))
            far = (root - 1) / (4 * root) * (at(3 * math.pi / 2) - at(-3 * math.pi / 2))
            expected = near - far
        else:
            expected = (at(math.pi / 2) - at(-math.pi / 2)) / 2
        torch.testing.assert_close(found[index], expected, atol=1e-10, rtol=0)


@settings(max_examples=25, deadline=None)
@given(circuits(max_qubits=3, max_gates=7), seeds)
def test_gradients_agree_with_differences(circuit: Circuit, seed: int) -> None:
    data, angles = (torch.tensor(v) for v in sample_inputs(circuit, 2 * seed, 2))
    for evaluation in evaluations(circuit):

        def value(x: Tensor, t: Tensor, evaluation: Evaluation = evaluation) -> Tensor:
            return evaluate(evaluation, x, t)

        inputs = (
            data.requires_grad_(data.numel() > 0),
            angles.requires_grad_(angles.numel() > 0),
        )
        if not any(v.requires_grad for v in inputs) or not value(data, angles).requires_grad:
            continue
        assert torch.autograd.gradcheck(value, inputs)


def test_second_derivatives() -> None:
    circuit = uploading_circuit(2, 1)
    data, angles = (torch.tensor(v).requires_grad_() for v in sample_inputs(circuit, 2, 2))
    for evaluation in evaluations(circuit)[:3]:
        assert torch.autograd.gradgradcheck(
            lambda x, t, e=evaluation: evaluate(e, x, t), (data, angles)
        )


def amplitude_circuit() -> Circuit:
    return Circuit(
        qubits=2,
        data_width=3,
        angle_count=2,
        initial=AmplitudeState(offset=0, width=3),
        gates=(
            Gate(name="ry", qubits=(0,), angles=trainable(0)),
            Gate(name="cx", qubits=(0, 1)),
            Gate(name="ry", qubits=(1,), angles=trainable(1)),
        ),
        readout=Probabilities(qubits=(1, 0)),
    )


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1.0, 1e30])
def test_amplitudes_ignore_scale(scale: float) -> None:
    circuit = amplitude_circuit()
    data, angles = torch.tensor([[0.3, -1.0, 2.0]]), torch.tensor([0.4, -0.9])
    for evaluation in evaluations(circuit):
        found = evaluate(evaluation, scale * data, angles)
        torch.testing.assert_close(found, evaluate(evaluation, data, angles))


def test_zero_amplitudes_have_finite_gradients() -> None:
    circuit = amplitude_circuit()
    for evaluation in evaluations(circuit):
        data = torch.zeros(2, 3, dtype=torch.float64)
        data[1] = 1.0
        data.requires_grad_()
        angles = torch.tensor([0.4, -0.9], dtype=torch.float64)
        (grad,) = torch.autograd.grad(evaluate(evaluation, data, angles)[:, 0].sum(), data)
        assert torch.equal(grad[0], torch.zeros(3, dtype=torch.float64))
        assert torch.isfinite(grad).all() and grad[1].abs().sum() > 0
