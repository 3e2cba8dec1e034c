"""Sweeps whose gates are undone: the same values and derivatives, one state kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from qcompile.executors.constants import Constants
from qcompile.executors.costing import Workload
from qcompile.executors.executor import Request
from qcompile.executors.registry import EXECUTORS
from qcompile.executors.sweeps.adjoint import AdjointEvaluator
from qcompile.executors.sweeps.adjoint_executor import Adjoint, block_of
from qcompile.executors.sweeps.assemble import sweep_program
from qcompile.executors.sweeps.build import SweepEvaluator
from qcompile.executors.sweeps.count import count
from qcompile.ir.circuit import Circuit
from qcompile.ir.plan import AdjointEvaluation, DenseEvaluation, StatevectorEvaluation
from qcompile.ir.target import DEFAULT_TARGET, Target
from qcompile.testing.circuit_strategies import circuits
from qcompile.testing.known_programs import qtha_circuit
from tests.backends.simulator_plans import dense, uploading_circuit
from tests.executors.counted import Counted, Kept

Sweeps = DenseEvaluation | StatevectorEvaluation


def inputs(circuit: Circuit, tokens: int, dtype: torch.dtype) -> list[Tensor]:
    data = torch.linspace(-1, 1.3, tokens * circuit.data_width, dtype=dtype)
    found = [data.reshape(tokens, circuit.data_width)]
    if circuit.angle_count:
        found.append(torch.linspace(-2, 2.1, circuit.angle_count, dtype=dtype))
    return [leaf.requires_grad_() for leaf in found]


def derivatives(run: AdjointEvaluator | SweepEvaluator, leaves: list[Tensor]) -> list[Tensor]:
    values = run(leaves[0], leaves[1] if len(leaves) > 1 else None)
    weights = torch.linspace(0.3, 1.1, values.numel(), dtype=values.dtype).reshape(values.shape)
    found: tuple[Tensor | None, ...] = (None,) * len(leaves)
    if values.requires_grad:
        found = torch.autograd.grad(values, leaves, weights, allow_unused=True)
    given = [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, found, strict=True)]
    return [values, *given]


def assert_like_the_sweeps(sweeps: Sweeps, block: int) -> None:
    program = sweep_program(sweeps, DEFAULT_TARGET)
    leaves = inputs(sweeps.circuit, 5, torch.float64)
    mine = derivatives(AdjointEvaluator(program, block, Constants()), leaves)
    theirs = derivatives(SweepEvaluator(program, Constants()), leaves)
    for found, expected in zip(mine, theirs, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-11, rtol=1e-11)


@settings(max_examples=60)
@given(circuits(max_qubits=5, max_gates=14))
def test_undone_gates_have_the_same_derivatives(circuit: Circuit) -> None:
    for sweeps in (StatevectorEvaluation(circuit=circuit), dense(circuit)):
        assert_like_the_sweeps(sweeps, 2)


@pytest.mark.parametrize("pair", ["crz", "cry", "cx"])
@pytest.mark.parametrize("block", [1, 2, 5, 100])
def test_blocks_of_tokens_make_no_difference(pair: str, block: int) -> None:
    circuit = uploading_circuit(7, 2, pair)
    assert_like_the_sweeps(StatevectorEvaluation(circuit=circuit), block)
    assert_like_the_sweeps(dense(circuit), block)


def test_all_kinds_of_derivatives() -> None:
    circuit = uploading_circuit(3, 1)
    program = sweep_program(StatevectorEvaluation(circuit=circuit), DEFAULT_TARGET)
    run, plain = AdjointEvaluator(program, 2, Constants()), SweepEvaluator(program, Constants())
    data, angles = inputs(circuit, 3, torch.float64)
    assert torch.autograd.gradcheck(run, (data, angles))
    assert torch.autograd.gradgradcheck(run, (data, angles))
    data, angles = data.detach(), angles.detach()
    found = torch.func.jacrev(run)(data, angles)
    torch.testing.assert_close(found, torch.func.jacrev(plain)(data, angles))
    rows = torch.func.vmap(lambda row: run(row[None], angles)[0])(data)
    torch.testing.assert_close(rows, plain(data, angles))
    assert run(data[:0], angles).shape == (0, 3)


def test_shots_have_the_exact_derivatives() -> None:
    circuit = uploading_circuit(3, 1)
    sampled = Target(name="shots", shots=10)
    sweeps = StatevectorEvaluation(circuit=circuit)
    exact = AdjointEvaluator(sweep_program(sweeps, DEFAULT_TARGET), 2, Constants())
    drawn = AdjointEvaluator(sweep_program(sweeps, sampled), 2, Constants())
    leaves = inputs(circuit, 5, torch.float64)
    torch.manual_seed(0)
    found, expected = derivatives(drawn, leaves), derivatives(exact, leaves)
    assert not torch.equal(found[0], expected[0])
    assert ((found[0] + 1) * 5).frac().abs().max() < 1e-9
    for mine, theirs in zip(found[1:], expected[1:], strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("circuit", [qtha_circuit(4, 4), uploading_circuit(6, 2, "cx")])
def test_one_state_is_kept_and_work_is_priced_as_it_runs(circuit: Circuit) -> None:
    for sweeps in (StatevectorEvaluation(circuit=circuit), dense(circuit)):
        evaluation = AdjointEvaluation(circuit=circuit, sweeps=sweeps)
        constants = Constants()
        run = Adjoint().build(evaluation, DEFAULT_TARGET, constants)
        data, angles = inputs(circuit, 9, torch.float32)
        work = count(sweep_program(sweeps, DEFAULT_TARGET))
        with torch.no_grad(), Counted() as counted:
            run(data, angles)
        for name in ("products", "elementwise", "written"):
            predicted = getattr(work.once, name) + 9 * getattr(work.each, name)
            assert getattr(counted.part, name) == predicted, name
        kept = Kept(without=[data, angles, *(item.value for item in constants.items)])
        with kept.hooks:
            run(data, angles)
        price = Adjoint().price(evaluation, Workload(tokens=9))
        assert kept.total == 9 * price.cost.activations_per_token
        plain = EXECUTORS[sweeps.kind].price(sweeps, Workload(tokens=2048))
        assert Adjoint().price(evaluation, Workload(tokens=2048)).bytes < 0.5 * plain.bytes


def test_what_is_asked_for_by_name_runs_as_what_is_chosen() -> None:
    request = Request(
        circuit=qtha_circuit(8, 8),
        target=DEFAULT_TARGET,
        load=Workload(tokens=2048),
        memory_limit=2.0**34,
    )
    chosen = Adjoint().plan(request)
    assert isinstance(chosen, AdjointEvaluation)
    assert Adjoint().plan(replace(request, demanded=True)) == chosen


def test_memory_grows_with_a_block_and_not_with_depth() -> None:
    def price(layers: int) -> float:
        circuit = uploading_circuit(10, layers)
        evaluation = AdjointEvaluation(
            circuit=circuit, sweeps=StatevectorEvaluation(circuit=circuit)
        )
        return Adjoint().price(evaluation, Workload(tokens=4096)).cost.activations_per_token

    assert price(8) == price(2) == 2 * 2**10
    assert block_of(2, 10) * 2 * 2**10 == 2**19


def test_a_step_that_would_not_fit_is_undone() -> None:
    from qcompile.passes.base import Context
    from qcompile.passes.evaluators import choose_executor

    circuit = uploading_circuit(16, 6)
    context = Context(target=DEFAULT_TARGET, tokens=256, memory_limit=2**30)
    choice = choose_executor(circuit, "a", context, 0)
    assert choice.evaluation.kind == "adjoint"
    named = replace(context, target=Target(name="by", evaluator="adjoint"))
    assert choose_executor(uploading_circuit(2, 1), "a", named, 0).evaluation.kind == "adjoint"
