"""The verifier of plans finds what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from qcompile.ir.network import ContractionNode
from qcompile.ir.node import PlanNode
from qcompile.ir.plan import DenseEvaluation, EvaluationNode, NetworkEvaluation, Plan
from qcompile.ir.target import Target
from qcompile.ir.verification import VerificationError
from qcompile.ir.verify_plan import verify_plan
from qcompile.passes.base import Context
from qcompile.passes.pipeline import preset, run_pipeline
from qcompile.testing.known_programs import qtha


def plan_of(evaluator: str) -> Plan:
    program = qtha((4, 4), (4, 4), (2, 2), rank=2, layers=1)
    context = Context(target=Target(name="t", evaluator=evaluator))
    return run_pipeline(program, preset(2), context, verify=True)


def change(plan: Plan, rule: Callable[[PlanNode], PlanNode]) -> Plan:
    return replace(plan, nodes=tuple(rule(node) for node in plan.nodes))


def contraction(rule: Callable[[ContractionNode], ContractionNode]) -> Callable[[Plan], Plan]:
    return lambda plan: change(
        plan, lambda node: rule(node) if isinstance(node, ContractionNode) else node
    )


def first_step(**changes: object) -> Callable[[Plan], Plan]:
    return contraction(
        lambda node: replace(
            node,
            steps=(replace(node.steps[0], **changes), *node.steps[1:]),  # type: ignore[arg-type]
        )
    )


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (first_step(left=99), "takes tensors"),
        (first_step(equation="ab"), "no such equation"),
        (first_step(equation="a,b->ab"), "for the shape"),
        (contraction(lambda node: replace(node, steps=())), "no step|instead of one"),
        (contraction(lambda node: replace(node, steps=node.steps[:-1])), "instead of one"),
        (contraction(lambda node: replace(node, flops_per_token=float("nan"))), "not finite"),
        (lambda plan: replace(plan, costs=replace(plan.costs, parameters=1)), "parameters"),
        (lambda plan: replace(plan, out_features=3), "out_features"),
    ],
)
def test_damaged_plans_are_refused(damage: Callable[[Plan], Plan], reason: str) -> None:
    plan = plan_of("auto")
    verify_plan(plan)
    with pytest.raises(VerificationError, match=reason):
        verify_plan(damage(plan))


def test_segments_must_hold_the_gates() -> None:
    def drop(node: PlanNode) -> PlanNode:
        if isinstance(node, EvaluationNode) and isinstance(node.evaluation, DenseEvaluation):
            shorter = replace(node.evaluation, segments=node.evaluation.segments[:-1])
            return replace(node, evaluation=shorter)
        return node

    with pytest.raises(VerificationError, match="segments"):
        verify_plan(change(plan_of("dense"), drop))


def test_paths_must_reach_one_tensor() -> None:
    def shorten(node: PlanNode) -> PlanNode:
        if isinstance(node, EvaluationNode) and isinstance(node.evaluation, NetworkEvaluation):
            first, *others = node.evaluation.networks
            cut = replace(first, path=first.path[:-1])
            evaluation = replace(node.evaluation, networks=(cut, *others))
            return replace(node, evaluation=evaluation)
        return node

    with pytest.raises(VerificationError, match="2 tensors are left"):
        verify_plan(change(plan_of("network"), shorten))
