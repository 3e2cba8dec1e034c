"""Costs of a plan, as explicit formulas. A multiply-add counts as two FLOPs.

Forward, per token:
- contraction: its steps that touch data (`ContractionNode.flops_per_token`);
- circuit: `CircuitCost.flops_per_token`; orthogonal matrix of a circuit: its gates on one column;
- sum or product of k values: (k - 1) · width; scale, shift, bias: width; dropout: 2 · width;
  Cayley map: 2 · block · width; norm, fold: 2 and 1 times the width of the operand; normalisation:
  4 · width; pair products: width; activations: width, or 8 · width where an elementary function is
  evaluated; a generated matrix: 2 · its elements; concatenation, slices, rows: 0.

Backward, per token: twice the forward count for contractions, circuits, orthogonal matrices, Cayley
maps and products (one product for each factor's gradient), once for everything else.

Once per call: contraction steps and circuit parts without data, columns of orthogonal matrices,
8/3 · block² · width for the linear systems of a Cayley map, and nodes that do not depend on the
input, for each row where their value is a table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import assert_never

from qcompile.executors.costing import Workload
from qcompile.executors.registry import executor_of
from qcompile.executors.sweeps.columns import columns_work
from qcompile.ir.contraction_extents import result_shapes
from qcompile.ir.domains import domains
from qcompile.ir.machine import ELEMENTARY_FUNCTION
from qcompile.ir.network import ContractionNode, frames_of
from qcompile.ir.nodes import (
    ActivationNode,
    AddNode,
    ApplyNode,
    BiasNode,
    BitsNode,
    CayleyNode,
    ConcatNode,
    DropoutNode,
    FlatNode,
    FoldNode,
    InputNode,
    MultiplyNode,
    NormaliseNode,
    NormNode,
    OutputNode,
    PairProductNode,
    RowsNode,
    ScaleNode,
    ShiftNode,
    SliceNode,
    TableNode,
    VectorNode,
    ZeroNode,
)
from qcompile.ir.orthogonal import UnitaryNode
from qcompile.ir.plan import (
    Costs,
    EvaluationNode,
    PlanNode,
    operands,
)
from qcompile.ir.spec import ActivationKind
from qcompile.ir.tensor import TensorSpec

CHEAP: frozenset[ActivationKind] = frozenset({"relu", "abs", "square", "step"})


def plan_costs(nodes: Sequence[PlanNode], tensors: Sequence[TensorSpec]) -> Costs:
    """Totals over the nodes and the layout."""
    where = domains(nodes, operands)
    on_data = tuple(domain.kind == "tokens" for domain in where)
    forward = backward = hoisted = 0.0
    for index, node in enumerate(nodes):
        flops, once = _flops(node, nodes)
        hoisted += once
        if not on_data[index]:
            hoisted += flops * where[index].rows
            continue
        forward += flops
        doubles = isinstance(
            node,
            ContractionNode | UnitaryNode | EvaluationNode | MultiplyNode | ApplyNode | CayleyNode,
        )
        backward += 2 * flops if doubles else flops
    saved = {o for i, node in enumerate(nodes) if on_data[i] for o in _saved_operands(node)}
    return Costs(
        parameters=sum(tensor.size for tensor in tensors),
        forward_flops_per_token=forward,
        backward_flops_per_token=backward,
        hoisted_flops=hoisted,
        activation_elements_per_token=sum(nodes[o].width for o in saved if on_data[o])
        + sum(_interior(node) for index, node in enumerate(nodes) if on_data[index]),
        peak_hoisted_elements=max((_peak_hoisted(node) for node in nodes), default=0),
    )


def _flops(node: PlanNode, nodes: Sequence[PlanNode]) -> tuple[float, float]:
    """(for each token, once per call)."""
    match node:
        case InputNode() | OutputNode() | VectorNode() | TableNode() | BitsNode() | ZeroNode():
            return 0.0, 0.0
        case ConcatNode() | SliceNode() | RowsNode() | FlatNode():
            return 0.0, 0.0
        case ApplyNode(weight=weight):
            return 2.0 * nodes[weight].width, 0.0
        case CayleyNode(block=block, width=width):
            return 2.0 * block * width, 8.0 / 3.0 * block**2 * width
        case AddNode(operands=parts) | MultiplyNode(operands=parts):
            return float((len(parts) - 1) * node.width), 0.0
        case ScaleNode() | ShiftNode() | BiasNode() | PairProductNode():
            return float(node.width), 0.0
        case DropoutNode():
            return 2.0 * node.width, 0.0
        case NormNode(operand=operand):
            return 2.0 * nodes[operand].width, 0.0
        case NormaliseNode(width=width):
            return 4.0 * width, 0.0
        case FoldNode(operand=operand):
            return float(nodes[operand].width), 0.0
        case ActivationNode(kind=kind, width=width):
            return float(width * (1 if kind in CHEAP else ELEMENTARY_FUNCTION)), 0.0
        case ContractionNode():
            built = sum(
                columns_work(frame.orthogonal).each.flops * frame.columns
                for frame in frames_of(node.network)
            )
            return node.flops_per_token, node.flops_hoisted + built
        case UnitaryNode(orthogonal=orthogonal):
            work = columns_work(orthogonal)
            return work.each.flops, work.once.flops
        case EvaluationNode(cost=cost):
            return cost.flops_per_token, cost.flops_hoisted
        case _:
            assert_never(node)


def _saved_operands(node: PlanNode) -> tuple[int, ...]:
    """Operands whose values the backward pass reads; circuits count what they keep themselves."""
    match node:
        case (
            MultiplyNode()
            | CayleyNode()
            | ActivationNode()
            | NormNode()
            | NormaliseNode()
            | PairProductNode()
            | ApplyNode()
            | ContractionNode()
        ):
            return operands(node)
        case _:
            return ()


def _interior(node: PlanNode) -> int:
    """Elements per token that the node keeps for backward besides its operands."""
    match node:
        case ContractionNode():
            return node.activations_per_token
        case EvaluationNode(cost=cost):
            return cost.activations_per_token
        case UnitaryNode(orthogonal=orthogonal):
            return int(columns_work(orthogonal).each.kept)
        case DropoutNode(width=width):
            return width
        case _:
            return 0


def _peak_hoisted(node: PlanNode) -> int:
    match node:
        case CayleyNode(block=block, width=width):
            return block * width
        case ContractionNode():
            shapes = zip(result_shapes(node, tokens=1), node.steps, strict=True)
            sizes = [math.prod(shape) for shape, step in shapes if not step.batched]
            sizes += [frame.orthogonal.size * frame.columns for frame in frames_of(node.network)]
            return max(sizes, default=0)
        case EvaluationNode(evaluation=evaluation):
            return executor_of(evaluation).price(evaluation, Workload(tokens=1)).largest_hoisted
        case _:
            return 0
