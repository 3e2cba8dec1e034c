"""Plans as they run without the compiled library, and on a GPU without Triton."""

from __future__ import annotations

from dataclasses import replace

from qcompile.executors.costing import Workload
from qcompile.executors.registry import executor_of
from qcompile.ir.compilation import PlannedSet
from qcompile.ir.node import PlanNode
from qcompile.ir.plan import EvaluationNode, FusedEvaluation, Plan
from qcompile.passes.costs import plan_costs


def in_torch(planned: PlannedSet) -> PlannedSet:
    """Every gate program replaced by its form in torch, with the costs of that."""
    plans = tuple(map(_in_torch, planned.plans))
    return planned if plans == planned.plans else replace(planned, plans=plans)


def _in_torch(plan: Plan) -> Plan:
    nodes = tuple(map(_node, plan.nodes))
    if nodes == plan.nodes:
        return plan
    return replace(plan, nodes=nodes, costs=plan_costs(nodes, plan.tensors))


def _node(node: PlanNode) -> PlanNode:
    if not isinstance(node, EvaluationNode) or not isinstance(node.evaluation, FusedEvaluation):
        return node
    eager = node.evaluation.eager
    price = executor_of(eager).price(eager, Workload(tokens=1))
    return replace(node, evaluation=eager, cost=price.cost)
