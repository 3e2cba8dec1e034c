"""A slow meaning of a Plan in numpy: contraction steps and dense segments as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from qcompile.ir.network import ContractionNode, DataOperand, FrameOperand, TensorOperand, View
from qcompile.ir.plan import (
    DenseEvaluation,
    DensityEvaluation,
    EvaluationNode,
    Plan,
    TransferEvaluation,
)
from qcompile.ir.program import CircuitNode
from qcompile.testing.reference import (
    Array,
    _aligned,
    _value,
    base_output,
    frame_columns,
    result_of,
)


def evaluate_plan(
    plan: Plan, x: Array, tensors: Mapping[int, Array], y: Array | None = None
) -> Array:
    """x: (batch, in_features), y: (batch, out_features) → the update, without noise or shots."""
    x = np.asarray(x, dtype=np.float64)
    y = base_output(x, plan.out_features) if y is None else y
    values: list[Array] = []
    for node in plan.nodes:
        match node:
            case ContractionNode():
                value = _contraction(node, values, tensors)
            case EvaluationNode(evaluation=DensityEvaluation() | TransferEvaluation()):
                raise ValueError("noise is not evaluated here")
            case EvaluationNode(evaluation=evaluation):
                circuit = evaluation.circuit
                if isinstance(evaluation, DenseEvaluation):
                    gates = (gate for segment in evaluation.segments for gate in segment.gates)
                    circuit = replace(circuit, gates=tuple(gates))
                plain = CircuitNode(
                    operands=node.operands, circuit=circuit, angles=node.angles, width=node.width
                )
                value = _value(plain, x, values, tensors)
            case _:
                value = _value(node, x, values, tensors, y)
        values.append(np.atleast_2d(value))
    return result_of(values[plan.result], plan, x)


def _contraction(node: ContractionNode, values: list[Array], tensors: Mapping[int, Array]) -> Array:
    working: list[Array] = []
    has_data = False
    data = [o.node for o in node.network.operands if isinstance(o, DataOperand)]
    aligned = dict(zip(data, _aligned([values[index] for index in data]), strict=True))
    for operand in node.network.operands:
        match operand:
            case DataOperand(node=source, view=view):
                has_data = True
                working.append(np.stack([_viewed(row, view) for row in aligned[source]]))
            case FrameOperand(frame=frame, view=view):
                working.append(_viewed(frame_columns(frame, tensors), view))
            case TensorOperand(tensor=tensor, view=view):
                working.append(_viewed(tensors[tensor], view))
    for step in node.steps:
        taken = [working[step.left]]
        if step.right is not None:
            taken.append(working[step.right])
        result = np.asarray(np.einsum(step.equation, *taken))
        working = [a for k, a in enumerate(working) if k not in (step.left, step.right)]
        working.append(result)
    (result,) = working
    flat = result.reshape(result.shape[0] if has_data else 1, -1)
    return np.asarray(node.network.factor * flat[:, : node.width])


def _viewed(a: Array, view: View) -> Array:
    padding = [(0, full - extent) for full, extent in zip(view.padded, a.shape, strict=True)]
    return np.pad(a, padding).reshape(view.modes)
