"""Costs of a plan. A multiply-add counts as two FLOPs.

Plain nodes say themselves what they cost (`Node.work`). For each token, a contraction costs its
steps that touch data, a circuit `CircuitCost.flops_per_token`, the orthogonal matrix of a circuit
its gates on one column; their backward pass costs twice the forward pass, that of a gate program
what is counted of it. Once per call:
contraction steps and circuit parts without data, columns of orthogonal matrices, and nodes that do
not depend on the input, for each row where their value is a table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from qcompile.executors.costing import Workload
from qcompile.executors.registry import executor_of
from qcompile.executors.sweeps.columns import columns_work, frame_work
from qcompile.ir.contraction_extents import result_shapes
from qcompile.ir.network import ContractionNode, frames_of
from qcompile.ir.node import NodeWork, PlanNode, domains
from qcompile.ir.orthogonal import UnitaryNode
from qcompile.ir.plan import Costs, EvaluationNode
from qcompile.ir.tensor import TensorSpec
from qcompile.passes.kept import kept_values


def plan_costs(nodes: Sequence[PlanNode], tensors: Sequence[TensorSpec]) -> Costs:
    """Totals over the nodes and the layout."""
    where = domains(nodes)
    forward = backward = hoisted = 0.0
    kept = peak = 0
    for node, domain in zip(nodes, where, strict=True):
        work = work_of(node, [nodes[operand].width for operand in node.inputs])
        hoisted += work.once
        peak = max(peak, work.peak)
        if domain.kind != "tokens":
            hoisted += work.each * domain.rows
            continue
        forward += work.each
        backward += work.backward * work.each
        kept += work.interior
    return Costs(
        parameters=sum(tensor.size for tensor in tensors if not tensor.frozen),
        forward_flops_per_token=forward,
        backward_flops_per_token=backward,
        hoisted_flops=hoisted,
        activation_elements_per_token=kept + kept_values(nodes, tensors),
        peak_hoisted_elements=peak,
    )


def work_of(node: PlanNode, widths: Sequence[int]) -> NodeWork:
    """What a node of a plan costs, the operands having these widths."""
    match node:
        case ContractionNode():
            frames = frames_of(node.network)
            built = sum(frame_work(frame).flops for frame in frames)
            shapes = zip(result_shapes(node, tokens=1), node.steps, strict=True)
            sizes = [math.prod(shape) for shape, step in shapes if not step.batched]
            return NodeWork(
                each=node.flops_per_token,
                once=node.flops_hoisted + built,
                backward=2,
                peak=max((*sizes, *(f.orthogonal.size * f.columns for f in frames)), default=0),
            )
        case UnitaryNode(orthogonal=orthogonal, adjoint=adjoint):
            work = columns_work(orthogonal, adjoint=adjoint, grad=True)
            return NodeWork(
                each=work.each.flops,
                once=work.once.flops,
                backward=2,
                interior=int(work.each.kept),
            )
        case EvaluationNode(evaluation=evaluation, cost=cost):
            price = executor_of(evaluation).price(evaluation, Workload(tokens=1))
            return NodeWork(
                each=cost.flops_per_token,
                once=cost.flops_hoisted,
                backward=price.backward,
                interior=cost.activations_per_token,
                peak=price.largest_hoisted,
            )
        case _:
            return node.work(widths)
