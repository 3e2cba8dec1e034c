"""Plans mean what their programs mean, at every level of optimisation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcompile.ir.node import is_linear
from qcompile.ir.plan import EvaluationNode, Plan
from qcompile.ir.program import Program
from qcompile.ir.verify_plan import verify_plan
from qcompile.passes.base import Context
from qcompile.passes.evaluators import ChooseEvaluators
from qcompile.passes.pipeline import preset, run_pipeline
from qcompile.passes.schedule import schedule
from qcompile.passes.tensor.find_paths import FindPaths
from qcompile.testing.known_programs import lora, qtha
from qcompile.testing.program_strategies import NODE_KINDS, OPERATIONS, programs
from qcompile.testing.reference import Array, evaluate_program, random_tensors
from qcompile.testing.reference_plan import evaluate_plan

CLASSICAL = tuple(kind for kind in NODE_KINDS if kind != "circuit")
CONTEXTS = (Context(), Context(tokens=1), Context(tokens=7, memory_limit=2**40))


def tensors_of(plan: Plan, program: Program, seed: int) -> dict[int, Array]:
    values = random_tensors(program, seed)
    named = {program.tensors[i].name: value for i, value in values.items()}
    return {i: named[tensor.name] for i, tensor in enumerate(plan.tensors)}


def assert_same(program: Program, plan: Plan, seed: int) -> None:
    verify_plan(plan)
    x = np.random.default_rng(seed).standard_normal((3, program.in_features))
    np.testing.assert_allclose(
        evaluate_plan(plan, x, tensors_of(plan, program, seed)),
        evaluate_program(program, x, random_tensors(program, seed)),
        rtol=1e-9,
        atol=1e-9,
    )


@settings(max_examples=40)
@given(
    program=programs(max_nodes=10, prefixes=True),
    seed=st.integers(0, 99),
    level=st.integers(0, 3),
    context=st.sampled_from(CONTEXTS),
)
def test_presets_preserve_meaning(
    program: Program, seed: int, level: int, context: Context
) -> None:
    plan = run_pipeline(program, preset(level), context, verify=True)
    assert_same(program, plan, seed)


@settings(max_examples=60)
@given(
    program=programs(kinds=("network", *OPERATIONS, "linear", "scale"), max_nodes=8),
    seed=st.integers(0, 99),
    tokens=st.sampled_from((1, 5, 4096)),
)
def test_found_paths_agree_with_the_sweep(program: Program, seed: int, tokens: int) -> None:
    context = Context(tokens=tokens)
    plan = schedule(program, (), context)
    assert_same(program, plan, seed)
    assert_same(program, FindPaths().run(plan, context), seed)


@settings(max_examples=60)
@given(program=programs(linear_only=True, max_nodes=10), seed=st.integers(0, 99))
def test_linear_programs_are_known_to_be(program: Program, seed: int) -> None:
    assert schedule(program, (), Context()).linear


@settings(max_examples=100)
@given(program=programs(kinds=CLASSICAL, max_nodes=8), seed=st.integers(0, 9))
def test_what_is_called_linear_is_linear(program: Program, seed: int) -> None:
    plan = schedule(program, (), Context())
    if not is_linear(plan.nodes, plan.result):
        return
    x, y = np.random.default_rng(seed).standard_normal((2, 1, program.in_features))
    tensors = random_tensors(program, seed)
    zero = evaluate_program(program, 0.0 * x, tensors)
    # In x and the bias of the module together: `base(v)` has one.
    assert program.uses_base or not zero.any()

    def value(given: Array) -> Array:
        return evaluate_program(program, given, tensors) - zero

    np.testing.assert_allclose(
        value(2.0 * x - 3.0 * y), 2.0 * value(x) - 3.0 * value(y), rtol=1e-9, atol=1e-9
    )


def test_qtha_is_not_linear_and_lora_is() -> None:
    assert not schedule(qtha((4, 4), (4, 4), (2, 2), rank=2, layers=1), (), Context()).linear
    assert schedule(lora(6, 4, 2), (), Context()).linear


@pytest.mark.parametrize("level", range(4))
def test_qtha_keeps_its_meaning(level: int) -> None:
    program = qtha((4, 3), (4, 2), (3, 3), rank=3, layers=2, bond=3)
    plan = run_pipeline(program, preset(level), Context(), verify=True)
    assert_same(program, plan, level)


def test_costs_of_lora_are_those_of_its_formula() -> None:
    plan = run_pipeline(lora(3584, 512, 8), preset(2), Context())
    assert plan.costs.parameters == 8 * (3584 + 512)
    assert plan.costs.forward_flops_per_token == 2 * 8 * (3584 + 512)
    assert plan.costs.backward_flops_per_token == 4 * 8 * (3584 + 512)
    assert plan.costs.hoisted_flops == 0
    assert plan.costs.activation_elements_per_token == 3584 + 8
    assert plan.costs.peak_hoisted_elements == 0


def test_the_observer_sees_every_pass_in_order() -> None:
    seen: list[str] = []
    program = qtha((4, 4), (4, 4), (2, 2), rank=2, layers=1)
    pipeline = preset(2)
    plan = run_pipeline(
        program, pipeline, Context(), observer=lambda name, seconds, result: seen.append(name)
    )
    names = [step.name for step in pipeline.passes]
    first_plan_pass = names.index("find-paths")
    assert seen == [*names[:first_plan_pass], "schedule", *names[first_plan_pass:]]
    assert any(isinstance(node, EvaluationNode) for node in plan.nodes)


def test_passes_on_the_plan_are_idempotent() -> None:
    context = Context()
    plan = run_pipeline(qtha(rank=4, layers=2), preset(2), context)
    assert FindPaths().run(plan, context) == plan
    assert ChooseEvaluators().run(plan, context) == plan
