"""The compiled library against dense matrices and torch; without it, what replaces it."""

from __future__ import annotations

import copy
import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from qcompile.executors.constants import Constants
from qcompile.executors.executor import Evaluator
from qcompile.executors.fused import executor as fused_executor
from qcompile.executors.fused import library as fused_library
from qcompile.executors.fused.assemble import fused_program
from qcompile.executors.fused.encoding import encode_program
from qcompile.executors.fused.library import library
from qcompile.executors.registry import executor_of
from qcompile.ir.circuit import (
    Affine,
    AmplitudeState,
    Circuit,
    Expectations,
    Gate,
    Pauli,
    ZeroState,
)
from qcompile.ir.gates import GATE_NAMES, GATES
from qcompile.ir.matrices import PauliLetter
from qcompile.ir.plan import Evaluation, StatevectorEvaluation
from qcompile.ir.target import DEFAULT_TARGET, Target
from qcompile.testing.circuit_strategies import circuits, sample_inputs, seeds
from qcompile.testing.dense_oracle import dense_outputs
from tests.backends.simulator_plans import evaluate, fused, uploading_circuit

needs_library = pytest.mark.skipif(
    library() is None, reason="the library is not there: `make library`"
)

TOKENS = 19
"""Neither a multiple of the lanes nor fewer."""


def inputs(circuit: Circuit, seed: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    data, angles = sample_inputs(circuit, seed, TOKENS)
    return torch.tensor(data, dtype=dtype), torch.tensor(angles, dtype=dtype)


def gradients(
    evaluation: Evaluation, data: Tensor, angles: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Values, and gradients of a fixed weighting of them."""
    leaves = data.clone().requires_grad_(), angles.clone().requires_grad_()
    values = evaluate(evaluation, *leaves)
    weights = torch.linspace(-1, 2, values.numel(), dtype=data.dtype).reshape(values.shape)
    if not values.requires_grad:
        return values, torch.zeros_like(data), torch.zeros_like(angles)
    found = torch.autograd.grad(values, leaves, weights, allow_unused=True)
    of_data, of_angles = (
        torch.zeros_like(leaf) if grad is None else grad
        for leaf, grad in zip(leaves, found, strict=True)
    )
    return values.detach(), of_data, of_angles


def check(circuit: Circuit, seed: int, dtype: torch.dtype, tolerance: float) -> None:
    data, angles = inputs(circuit, seed, torch.float64)
    expected = dense_outputs(circuit, data.numpy(), angles.numpy())
    exact = gradients(StatevectorEvaluation(circuit=circuit), data, angles)
    found = gradients(fused(circuit), data.to(dtype), angles.to(dtype))
    np.testing.assert_allclose(found[0].to(torch.float64).numpy(), expected, atol=tolerance)
    for mine, theirs in zip(found[1:], exact[1:], strict=True):
        assert mine.dtype == dtype
        scale = 1 + theirs.abs().max().item() if theirs.numel() else 1.0
        np.testing.assert_allclose(mine.double().numpy(), theirs.numpy(), atol=scale * tolerance)


@settings(max_examples=150, deadline=None)
@given(circuits(max_qubits=5, max_gates=16), seeds)
def test_float64_agrees_with_matrices(circuit: Circuit, seed: int) -> None:
    check(circuit, seed, torch.float64, 1e-10)


@settings(max_examples=60, deadline=None)
@given(circuits(max_qubits=5, max_gates=16), seeds)
def test_float32_agrees_with_matrices(circuit: Circuit, seed: int) -> None:
    # Odd seeds have rows of zeros, whose neighbourhood float32 does not resolve either.
    check(circuit, 2 * seed, torch.float32, 3e-4)


@settings(max_examples=40, deadline=None)
@given(
    circuits(max_qubits=6, max_gates=24, names=("ry", "cx", "cz", "h", "x", "cry", "ch", "swap")),
    seeds,
)
def test_real_states_agree_with_matrices(circuit: Circuit, seed: int) -> None:
    assert fused_program(circuit).real
    check(circuit, seed, torch.float64, 1e-10)


@pytest.mark.parametrize("name", [name for name in GATE_NAMES if GATES[name].angles])
@pytest.mark.parametrize("control_first", [True, False])
def test_each_gate_with_every_kind_of_angle(name: str, control_first: bool) -> None:
    """Of data, trainable, both; after entanglers that make strings of its Pauli matrices."""
    wires = (3, 1) if control_first else (0, 2)
    angles = tuple(Affine(constant=0.2, data=((k, 0.7),), angles=((k, -1.1),)) for k in range(3))
    kinds = (
        angles,
        tuple(Affine(data=a.data) for a in angles),
        tuple(Affine(angles=a.angles) for a in angles),
    )
    mix = [
        Gate(name="rot", qubits=(q,), angles=(angles[0], angles[1], angles[2])) for q in range(4)
    ]
    ring = [Gate(name="cx", qubits=(q, (q + 1) % 4)) for q in range(4)]
    ring += [Gate(name="iswap", qubits=(0, 2)), Gate(name="s", qubits=(1,))]
    gates = [*mix, *ring]
    for kind in kinds:
        gates.append(
            Gate(name=name, qubits=wires[: GATES[name].qubits], angles=kind[: GATES[name].angles])
        )
        gates += [*ring, *mix]
    letters: tuple[PauliLetter, ...] = ("X", "Y", "Z")
    circuit = Circuit(
        qubits=4,
        data_width=3,
        angle_count=3,
        initial=ZeroState(),
        gates=tuple(gates),
        readout=Expectations(
            paulis=tuple(
                Pauli(letters=tuple((q, letters[(q + k) % 3]) for q in range(k + 1)), sign=-1)
                for k in range(4)
            )
        ),
    )
    check(circuit, 6, torch.float64, 1e-10)


@pytest.mark.parametrize("qubits", [8, 10])
def test_wide_circuits(qubits: int) -> None:
    """Rows beyond the first pad."""
    check(uploading_circuit(qubits, 2), 4, torch.float64, 1e-10)


@needs_library
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_number_of_threads_changes_no_bit(dtype: torch.dtype) -> None:
    circuit = uploading_circuit(6, 3)
    generator = torch.Generator().manual_seed(3)
    data = torch.randn(700, 6, generator=generator, dtype=dtype)
    angles = torch.randn(circuit.angle_count, generator=generator, dtype=dtype)
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3, 7):
            torch.set_num_threads(threads)
            found.append(gradients(fused(circuit), data, angles))
    finally:
        torch.set_num_threads(before)
    for others in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], others, strict=True))


@needs_library
@settings(max_examples=150, deadline=None)
@given(circuits(max_qubits=4), st.data())
def test_no_code_leads_out_of_bounds(circuit: Circuit, draw: st.DataObject) -> None:
    """Spoilt programs are refused, or are programs of something else."""
    program = fused_program(circuit)
    code = encode_program(program)
    place = draw.draw(st.integers(0, len(code) - 1))
    code[place] = draw.draw(st.sampled_from((-1, 0, 1, 2, 3, 7, 14, 63, 2**14, 2**31, -(2**62))))
    if draw.draw(st.booleans()):
        code = code[: draw.draw(st.integers(0, len(code)))]
    data, angles = inputs(circuit, 2, torch.float64)
    data, angles = data.reshape(TOKENS, -1), angles
    weights = torch.ones(TOKENS, program.outputs, dtype=torch.float64)
    operators = pytest.importorskip("qcompile.executors.fused.operators")
    assert operators
    tensor = torch.tensor(code, dtype=torch.int64)
    refused: list[str] = []
    for run in (
        lambda: torch.ops.qcompile.fused_values(tensor, data, angles, program.outputs),
        lambda: torch.ops.qcompile.fused_gradients(tensor, data, angles, weights),
    ):
        try:
            run()  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            refused.append(str(error))
    assert all("gate program" in text for text in refused)


@needs_library
def test_tensors_of_other_sizes_and_types_are_refused() -> None:
    circuit = uploading_circuit(3, 1)
    data, angles = inputs(circuit, 2, torch.float64)
    fused_evaluator(circuit)
    code = torch.tensor(encode_program(fused_program(circuit)))
    values = torch.ops.qcompile.fused_values
    for bad in (
        lambda: values(code, data[:, :2], angles, 3),
        lambda: values(code, data, angles[:2], 3),
        lambda: values(code, data, angles, 4),
        lambda: values(code, data, angles.float(), 3),
        lambda: values(code.int(), data, angles, 3),
    ):
        with pytest.raises(RuntimeError, match=r"program|dtype"):
            bad()  # type: ignore[no-untyped-call]


def fused_evaluator(circuit: Circuit, target: Target = DEFAULT_TARGET) -> Evaluator:
    evaluation = fused(circuit)
    return executor_of(evaluation).build(evaluation, target, Constants())


@pytest.mark.parametrize("tokens", [0, 1, 2])
def test_few_tokens(tokens: int) -> None:
    circuit = uploading_circuit(3, 2)
    data, angles = inputs(circuit, 2, torch.float64)
    values, of_data, _ = gradients(fused(circuit), data[:tokens], angles)
    assert values.shape == (tokens, 3) and of_data.shape == (tokens, 3)
    torch.testing.assert_close(values, gradients(fused(circuit), data, angles)[0][:tokens])


def test_tensors_that_are_not_contiguous() -> None:
    circuit = uploading_circuit(3, 2)
    data, angles = inputs(circuit, 2, torch.float64)
    wide = torch.stack((data, data), 2)[:, :, 1]
    strided = torch.stack((angles, angles), 1)[:, 0]
    assert not wide.is_contiguous() and not strided.is_contiguous()
    for mine, theirs in zip(
        gradients(fused(circuit), data.t().contiguous().t(), strided),
        gradients(fused(circuit), wide, angles),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_amplitudes_of_any_width_and_none(dtype: torch.dtype) -> None:
    """Neither a multiple of the lanes nor all rows, beside other data, with a token of zeros."""
    gates = [Gate(name="ry", qubits=(q,), angles=(Affine(angles=((q, 1.0),)),)) for q in range(6)]
    gates += [Gate(name="rx", qubits=(q,), angles=(Affine(data=((0, 0.5),)),)) for q in range(6)]
    circuit = Circuit(
        qubits=6,
        data_width=52,
        angle_count=6,
        initial=AmplitudeState(offset=1, width=50),
        gates=tuple(gates),
        readout=Expectations(paulis=tuple(Pauli(letters=((q, "Z"),)) for q in range(6))),
    )
    data, angles = inputs(circuit, 7, torch.float64)
    data[4, 1:51] = 0
    exact = gradients(StatevectorEvaluation(circuit=circuit), data, angles)
    found = gradients(fused(circuit), data.to(dtype), angles.to(dtype))
    tolerance = 1e-10 if dtype == torch.float64 else 2e-5
    for mine, theirs in zip(found, exact, strict=True):
        torch.testing.assert_close(mine.double(), theirs, atol=tolerance, rtol=tolerance)


def test_without_data_all_tokens_are_alike() -> None:
    circuit = Circuit(
        qubits=2,
        data_width=3,
        angle_count=1,
        initial=ZeroState(),
        gates=(Gate(name="ry", qubits=(0,), angles=(Affine(angles=((0, 1.0),)),)),),
        readout=Expectations(paulis=(Pauli(letters=((0, "Z"),)),)),
    )
    angles = torch.tensor([0.3], dtype=torch.float64)
    values, of_data, of_angles = gradients(fused(circuit), torch.zeros(4, 3).double(), angles)
    torch.testing.assert_close(values, angles.cos().expand(4, 1))
    assert not of_data.any()
    # The weights of `gradients` add up to 2.
    torch.testing.assert_close(of_angles, -2.0 * angles.sin())


@pytest.mark.parametrize("value", [1e6, 1e30, float("inf"), float("nan")])
def test_huge_angles_and_what_is_no_number(value: float) -> None:
    circuit = uploading_circuit(3, 1)
    data, angles = inputs(circuit, 2, torch.float64)
    data[3, 1] = value
    found = evaluate(fused(circuit), data, angles)
    expected = evaluate(StatevectorEvaluation(circuit=circuit), data, angles)
    torch.testing.assert_close(found, expected, equal_nan=True, atol=1e-9, rtol=0)


def test_shots_are_drawn_from_exact_values() -> None:
    circuit = uploading_circuit(3, 1)
    data, angles = inputs(circuit, 2, torch.float64)
    target = Target(name="t", shots=50)
    leaves = data.requires_grad_(), angles.requires_grad_()
    torch.manual_seed(5)
    values = fused_evaluator(circuit, target)(*leaves)
    torch.manual_seed(5)
    assert torch.equal(fused_evaluator(circuit, target)(*leaves), values)
    steps = (values.detach() + 1) * 25
    torch.testing.assert_close(steps, steps.round())
    exact = fused_evaluator(circuit)(*leaves)
    assert not torch.equal(values, exact)
    sampled = torch.autograd.grad(values.sum(), leaves)
    expected = torch.autograd.grad(exact.sum(), leaves)
    for mine, theirs in zip(sampled, expected, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_without_the_library_the_numbers_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = uploading_circuit(4, 2)
    data, angles = inputs(circuit, 2, torch.float64)
    with_library = gradients(fused(circuit), data, angles)
    monkeypatch.setattr(fused_library, "library", lambda: None)
    assert not isinstance(fused_evaluator(circuit), fused_executor.Fused)
    for mine, theirs in zip(gradients(fused(circuit), data, angles), with_library, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_copies_and_files_of_evaluators() -> None:
    circuit = uploading_circuit(3, 1)
    data, angles = inputs(circuit, 2, torch.float64)
    evaluator = fused_evaluator(circuit)
    expected = evaluator(data, angles)
    assert torch.equal(copy.deepcopy(evaluator)(data, angles), expected)
    buffer = io.BytesIO()
    torch.save(evaluator, buffer)
    buffer.seek(0)
    assert torch.equal(torch.load(buffer, weights_only=False)(data, angles), expected)


def test_other_devices_take_the_form_in_torch() -> None:
    circuit = uploading_circuit(3, 1)
    data = torch.empty(5, 3, device="meta")
    angles = torch.empty(circuit.angle_count, device="meta")
    assert fused_evaluator(circuit)(data, angles).shape == (5, 3)
