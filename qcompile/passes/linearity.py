"""Whether a plan's result is a linear map of x and y, so that it can be merged into a weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, assert_never

from qcompile.ir.network import ContractionNode
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
from qcompile.ir.plan import EvaluationNode, PlanNode, operands

Dependence = Literal["zero", "constant", "linear", "other"]
"""On (x, y): identically zero; always the same; linear without offset; anything else."""


def is_linear(nodes: Sequence[PlanNode], result: int) -> bool:
    """W x + A y for some W and A, in evaluation mode: no activation, circuit, bias or offset."""
    known: list[Dependence] = []
    for node in nodes:
        known.append(_dependence(node, [known[o] for o in operands(node)]))
    return known[result] in ("zero", "linear")


def _dependence(node: PlanNode, parts: list[Dependence]) -> Dependence:
    match node:
        case InputNode() | OutputNode():
            return "linear"
        case VectorNode() | TableNode() | BitsNode():
            return "constant"
        case ZeroNode():
            return "zero"
        case AddNode() | ConcatNode():
            return _together([part for part in parts if part != "zero"])
        case MultiplyNode() | ApplyNode():
            return _product(parts)
        case ContractionNode():
            return _product(parts) if parts else "constant"
        case (
            ScaleNode()
            | SliceNode()
            | DropoutNode()
            | RowsNode()
            | FlatNode()
            | FoldNode()
            | UnitaryNode()
            | CayleyNode()
        ):
            return parts[0]
        case ShiftNode() | BiasNode():
            return "constant" if parts[0] in ("zero", "constant") else "other"
        case ActivationNode() | NormNode() | NormaliseNode() | PairProductNode() | EvaluationNode():
            return "constant" if all(part in ("zero", "constant") for part in parts) else "other"
        case _:
            assert_never(node)


def _together(parts: list[Dependence]) -> Dependence:
    if not parts:
        return "zero"
    return parts[0] if all(part == parts[0] for part in parts) else "other"


def _product(parts: list[Dependence]) -> Dependence:
    if "zero" in parts:
        return "zero"
    varying = [part for part in parts if part != "constant"]
    if not varying:
        return "constant"
    return varying[0] if len(varying) == 1 else "other"
