"""Gives each contraction of a plan the cheapest path."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.ir.network import ContractionNode, NetworkNode
from qcompile.ir.node import domains
from qcompile.ir.plan import Plan
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, PlanPass
from qcompile.passes.costs import plan_costs
from qcompile.passes.tensor.contract import best_contraction


@dataclass(frozen=True, slots=True, kw_only=True)
class FindPaths(PlanPass):
    """Searches with cotengra and opt_einsum and weighs the candidates for the batch that will run.

    Arithmetic and memory traffic, forward and backward, decide; data-free steps come first and
    are done once per call, so that a chain of linear maps costs a token no more than one matrix.
    """

    name: ClassVar[str] = "find-paths"

    repeats: int = 8
    """Random greedy searches, from a fixed seed."""

    def run(self, plan: Plan, context: Context) -> Plan:
        where = domains(plan.nodes)
        best: dict[tuple[NetworkNode, int], ContractionNode] = {}
        nodes = list(plan.nodes)
        for index, node in enumerate(nodes):
            if not isinstance(node, ContractionNode):
                continue
            batch = where[index].batch(context.tokens)
            key = (node.network, batch)
            if key not in best:
                best[key] = best_contraction(
                    node.network,
                    tokens=batch,
                    memory_limit=context.memory_limit,
                    item_bytes=context.target.item_bytes,
                    repeats=self.repeats,
                )
            nodes[index] = best[key]
        return replace(plan, nodes=tuple(nodes), costs=plan_costs(nodes, plan.tensors))

    def ensures(self, before: Plan, after: Plan, context: Context) -> None:
        for old, new in zip(before.nodes, after.nodes, strict=True):
            if isinstance(old, ContractionNode) and isinstance(new, ContractionNode):
                if old.network != new.network:
                    raise VerificationError("find-paths changed a network")
