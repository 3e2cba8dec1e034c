"""Gradients from values alone are those of the simulator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

import qcompile
from qcompile.backends.devices import load_device
from qcompile.executors.constants import Constants
from qcompile.executors.executor import Evaluator
from qcompile.executors.measured.amplitudes import in_gates, tree_angles
from qcompile.executors.measured.evaluator import MeasuredEvaluator, logical_parts
from qcompile.executors.measured.gradients import Gradient
from qcompile.executors.measured.program import measured_program
from qcompile.executors.measured.shift_rules import frequencies, rule_of, shift_rule
from qcompile.executors.registry import executor_of
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
from qcompile.ir.plan import EvaluationNode, StatevectorEvaluation
from qcompile.ir.target import DEFAULT_TARGET, NamedDevice
from qcompile.services.place import parts_of
from qcompile.testing.circuit_strategies import circuits, sample_inputs, seeds
from tests.executors.exact_service import ExactService

AMPLITUDES = """qa 1
adapter state() {
    shape 6 -> 2
    q = circuit(3 qubits) { encode amplitude(x); ry; cx ring; rx; measure "ZII", "IXZ" }
    update linear(q, to: 2)
}
"""

TURNING = tuple(name for name in GATE_NAMES if GATES[name].angles)


def simulated(circuit: Circuit) -> Evaluator:
    evaluation = StatevectorEvaluation(circuit=circuit)
    return executor_of(evaluation).build(evaluation, DEFAULT_TARGET, Constants())


def values_and_gradients(
    evaluator: Evaluator, circuit: Circuit, seed: int
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    rows, turns = sample_inputs(circuit, seed, batch=3)
    data = torch.tensor(rows, requires_grad=True)
    angles = torch.tensor(turns, requires_grad=True)
    values = evaluator(data, angles if circuit.angle_count else None)
    weights = torch.linspace(0.5, 1.5, values.numel(), dtype=values.dtype).reshape(values.shape)
    if values.requires_grad:
        torch.autograd.backward((values * weights).sum())
    return values.detach(), data.grad, angles.grad


def assert_same(circuit: Circuit, seed: int) -> None:
    measured = MeasuredEvaluator(logical_parts(circuit), ExactService())
    expected = values_and_gradients(simulated(circuit), circuit, seed)
    found = values_and_gradients(measured, circuit, seed)
    for mine, theirs in zip(found, expected, strict=True):
        if mine is None or theirs is None:
            assert mine is None or not mine.any()
            assert theirs is None or not theirs.any()
        else:
            torch.testing.assert_close(mine, theirs, rtol=0.0, atol=1e-9)


@settings(max_examples=150)
@given(circuit=circuits(), seed=seeds)
def test_gradients_of_random_circuits_are_exact(circuit: Circuit, seed: int) -> None:
    assert_same(circuit, seed)


@pytest.mark.parametrize("name", TURNING)
def test_gradients_of_every_gate_are_exact(name: GateName) -> None:
    kind = GATES[name]
    angles = tuple(
        Affine(constant=0.2, data=((0, 1.5),), angles=((place, -0.7),))
        for place in range(kind.angles)
    )
    mixing = tuple(
        Gate(name=turn, qubits=(qubit,), angles=(Affine(constant=0.4 + qubit),))
        for turn in ("ry", "rz")
        for qubit in range(2)
    )
    circuit = Circuit(
        qubits=2,
        data_width=1,
        angle_count=kind.angles,
        initial=ZeroState(),
        gates=(*mixing, Gate(name=name, qubits=tuple(range(kind.qubits)), angles=angles), *mixing),
        readout=Probabilities(qubits=(1, 0)),
    )
    assert_same(circuit, 4)


def test_a_rule_has_two_values_for_each_frequency() -> None:
    for name in TURNING:
        for place in range(GATES[name].angles):
            assert len(shift_rule(name, place)) == 2 * len(frequencies(name, place)) in (2, 4)
    assert frequencies("rx", 0) == (1.0,)
    assert frequencies("crx", 0) == (0.5, 1.0)
    assert frequencies("rxy", 0) == (0.5, 1.0)
    assert frequencies("cphase", 0) == (1.0,)


@pytest.mark.parametrize(
    "ascending", [(1.0,), (0.5, 1.0), (1.0, 2.0, 3.0, 4.0), (1.0, 1.3, 4.0), (0.2, 1.0)]
)
def test_a_rule_differentiates_every_polynomial_of_its_frequencies(
    ascending: tuple[float, ...],
) -> None:
    drawn = np.random.default_rng(0)
    even, odd = drawn.normal(size=(2, len(ascending)))

    def value(t: float) -> float:
        turns = np.array(ascending) * t
        return float(even @ np.cos(turns) + odd @ np.sin(turns)) + 0.3

    for t in (-2.0, 0.1, 1.7):
        turns = np.array(ascending) * t
        slope = np.array(ascending) @ (odd * np.cos(turns) - even * np.sin(turns))
        found = sum(weight * value(t + shift) for shift, weight in rule_of(ascending))
        assert found == pytest.approx(slope, abs=1e-9)


def amplitudes(qubits: int, width: int) -> Circuit:
    """The data after the first are the state, and the first also turns a qubit."""
    ring = [Gate(name="cx", qubits=(q, (q + 1) % qubits)) for q in range(qubits) if qubits > 1]
    turns = [
        Gate(name="ry", qubits=(q,), angles=(Affine(data=((0, 0.5),), angles=((q, 1.0),)),))
        for q in range(qubits)
    ]
    return Circuit(
        qubits=qubits,
        data_width=width + 1,
        angle_count=qubits,
        initial=AmplitudeState(offset=1, width=width),
        gates=(*turns, *ring),
        readout=Expectations(
            paulis=tuple(Pauli(letters=((q, "X" if q == 1 else "Z"),)) for q in range(qubits))
        ),
    )


@pytest.mark.parametrize(("qubits", "width"), [(1, 2), (2, 3), (3, 8), (3, 5), (4, 16)])
def test_tree_angles_make_the_state(qubits: int, width: int) -> None:
    rows = np.random.default_rng(qubits).normal(size=(4, width)) * [[1.0], [1e-200], [1e200], [0]]
    rows[0, ::2] = 0.0
    circuit = replace(amplitudes(qubits, width), gates=(), angle_count=0)
    ready = replace(in_gates(circuit), readout=Probabilities(qubits=tuple(range(qubits))))
    angles = tree_angles(rows, qubits)
    data = torch.from_numpy(np.concatenate([angles, np.zeros((4, width + 1))], axis=1))
    unit = np.zeros((4, 2**qubits))
    unit[:, :width] = rows
    unit[3, 0] = 1.0
    unit /= np.abs(unit).max(axis=1, keepdims=True)
    expected = unit**2 / (unit**2).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(simulated(ready)(data, None).numpy(), expected, atol=1e-12)
    cx = sum(gate.name == "cx" for gate in ready.gates)
    assert (len(ready.gates) - cx, cx) == (2**qubits - 1, max(0, 2**qubits - 2))


@pytest.mark.parametrize("rows", ["normal", "zero pairs", "one amplitude", "zero"])
def test_gradients_of_amplitudes_are_exact_also_at_zeros(rows: str) -> None:
    circuit = amplitudes(3, 7)
    data = torch.from_numpy(np.random.default_rng(2).normal(size=(3, 8)))
    match rows:
        case "zero pairs":
            data[:, 3:7] = 0.0
        case "one amplitude":
            data[:, 1:] = 0.0
            data[:, 4] = -2.0
        case "zero":
            data[1, 1:] = 0.0
    turns = torch.linspace(-1, 1, 3, dtype=torch.float64)
    found = []
    for evaluator in (
        simulated(circuit),
        MeasuredEvaluator(logical_parts(circuit), ExactService()),
    ):
        x, t = data.clone().requires_grad_(), turns.clone().requires_grad_()
        values = evaluator(x, t)
        weights = torch.linspace(0.5, 1.5, 3, dtype=torch.float64)
        torch.autograd.backward((values * weights).sum())
        found.append((values.detach(), x.grad, t.grad))
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0.0, atol=1e-9)


def test_amplitudes_are_counted() -> None:
    circuit = amplitudes(2, 3)
    parts, service = logical_parts(circuit), ExactService()
    rows = torch.randn(5, 4, dtype=torch.float64).requires_grad_()
    turns = torch.randn(2, dtype=torch.float64, requires_grad=True)
    torch.autograd.backward(MeasuredEvaluator(parts, service)(rows, turns).sum())
    counted = [part.program.evaluations(data=True, angles=True) for part in parts]
    # One setting for each basis, with two turns and three amplitudes each.
    assert counted == [2 * 2 + 2 * 3] * len(parts)
    # All settings at once, and so are the gradients of turns and of amplitudes.
    assert service.calls == [5 * len(parts), 5 * sum(counted)]


@pytest.mark.parametrize("device", ["fake_manila", "fake_torino"])
def test_amplitudes_are_routed_once_for_all_tokens(device: str) -> None:
    plan = qcompile.compile(AMPLITUDES).only_part().plan
    (node,) = (node for node in plan.nodes if isinstance(node, EvaluationNode))
    circuit = node.evaluation.circuit
    loaded = load_device(NamedDevice(name=device))
    parts = parts_of(node, loaded, plan.target, "")
    assert all(part.physical is not None for part in parts)
    found = values_and_gradients(MeasuredEvaluator(parts, ExactService()), circuit, 3)
    expected = values_and_gradients(simulated(circuit), circuit, 3)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0.0, atol=1e-8)


def shared_angle() -> Circuit:
    """One angle in three gates, one of them with data, and an idle one."""
    of = Affine(angles=((0, 1.0),))
    return Circuit(
        qubits=2,
        data_width=2,
        angle_count=2,
        initial=ZeroState(),
        gates=(
            Gate(name="ry", qubits=(0,), angles=(of,)),
            Gate(name="crx", qubits=(0, 1), angles=(of.times(0.5),)),
            Gate(name="rx", qubits=(1,), angles=(Affine(data=((0, 1.0),), angles=((0, 2.0),)),)),
        ),
        readout=Expectations(paulis=(Pauli(letters=((1, "Z"),)),)),
    )


def test_what_is_evaluated_is_what_the_program_counts() -> None:
    circuit = shared_angle()
    program = measured_program(circuit)
    for data, angles in ((True, True), (True, False), (False, True), (False, False)):
        service = ExactService()
        rows = torch.randn(5, 2, dtype=torch.float64, requires_grad=data)
        turns = torch.randn(2, dtype=torch.float64, requires_grad=angles)
        values = MeasuredEvaluator(logical_parts(circuit), service)(rows, turns)
        if values.requires_grad:
            torch.autograd.backward(values.sum())
        assert sum(service.calls) == 5 * (1 + program.evaluations(data=data, angles=angles))
    assert program.evaluations(data=True, angles=True) == 2 + 4 + 2
    assert program.evaluations(data=True, angles=False) == 2


def test_equal_bindings_are_evaluated_once() -> None:
    service = ExactService()
    evaluator = MeasuredEvaluator(logical_parts(shared_angle()), service)
    rows, turns = torch.zeros(6, 2), torch.ones(2)
    rows[4:] = 1.0
    first = evaluator(rows, turns)
    assert service.calls == [2]
    assert torch.equal(evaluator(rows, turns), first)
    assert torch.equal(evaluator(-rows.flip(0) * -1.0, turns), first.flip(0))
    assert service.calls == [2]


def test_values_have_the_dtype_of_the_data() -> None:
    evaluator = MeasuredEvaluator(logical_parts(shared_angle()), ExactService())
    data = torch.ones(1, 2, requires_grad=True)
    values = evaluator(data, torch.ones(2, requires_grad=True))
    torch.autograd.backward(values.sum())
    assert values.dtype == torch.float32 and data.grad is not None
    assert data.grad.dtype == torch.float32


def test_spsa_takes_two_values_a_repeat_and_points_along_the_gradient() -> None:
    circuit = shared_angle()
    _, data, angles = values_and_gradients(simulated(circuit), circuit, 2)
    spsa = Gradient(method="spsa", step=0.01, repeats=4000)
    service = ExactService()
    evaluator = MeasuredEvaluator(logical_parts(circuit), service, spsa)
    torch.manual_seed(0)
    _, near_data, near_angles = values_and_gradients(evaluator, circuit, 2)
    torch.testing.assert_close(near_data, data, rtol=0.0, atol=0.15)
    torch.testing.assert_close(near_angles, angles, rtol=0.0, atol=0.15)
    # Two data elements and two angles: a row moves in one of sixteen directions at most.
    assert service.calls[0] == 3 and service.calls[1] <= 3 * 2**4


def test_spsa_draws_from_torch() -> None:
    evaluator = MeasuredEvaluator(
        logical_parts(shared_angle()), ExactService(), Gradient(method="spsa")
    )

    def gradient(seed: int) -> Tensor:
        torch.manual_seed(seed)
        angles = torch.ones(2, dtype=torch.float64, requires_grad=True)
        torch.autograd.backward(evaluator(torch.ones(1, 2, dtype=torch.float64), angles).sum())
        assert angles.grad is not None
        return angles.grad

    assert torch.equal(gradient(3), gradient(3))
