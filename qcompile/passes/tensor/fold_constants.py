"""Folds what is known at compile time: factors, zeros, slices, elements without effect."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.ir.domains import Domain, domain_of
from qcompile.ir.network import DataOperand, NetworkNode
from qcompile.ir.nodes import (
    ActivationNode,
    AddNode,
    ApplyNode,
    BiasNode,
    CayleyNode,
    ConcatNode,
    DropoutNode,
    FlatNode,
    FoldNode,
    MultiplyNode,
    NormaliseNode,
    NormNode,
    PairProductNode,
    RowsNode,
    ScaleNode,
    ShiftNode,
    SliceNode,
    VectorNode,
    ZeroNode,
)
from qcompile.ir.orthogonal import UnitaryNode
from qcompile.ir.program import (
    LinearNode,
    MpoNode,
    Program,
    ProgramNode,
    TensorGatesNode,
    operands,
)
from qcompile.ir.spec import ActivationKind
from qcompile.passes.base import Context, ProgramPass
from qcompile.passes.tensor.remove_dead import without_dead
from qcompile.passes.tensor.rewrite import rebuild

ZERO_AT_ZERO: frozenset[ActivationKind] = frozenset(
    {"relu", "gelu", "silu", "tanh", "sin", "abs", "square", "step"}
)
"""Activations f with f(0) = 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldConstants(ProgramPass):
    """Merges factors and offsets, drops steps without effect, and follows exact zeros.

    Zeros are those of `ZeroNode` and of factors that are 0; tensors that start at zero are
    trainable and stay. A table stays a table.
    """

    name: ClassVar[str] = "fold-constants"

    def run(self, program: Program, context: Context) -> Program:
        known: list[Domain] = []

        def fold(node: ProgramNode, nodes: list[ProgramNode]) -> ProgramNode | int:
            domain = domain_of(node, [known[operand] for operand in operands(node)])
            folded = _fold(node, nodes)
            lost = isinstance(folded, ZeroNode) or (
                isinstance(folded, int) and known[folded] != domain
            )
            if lost and domain.kind == "rows":
                folded = node
            if not isinstance(folded, int):
                parts = [known[operand] for operand in operands(folded)]
                known.append(domain_of(folded, parts))
            return folded

        return without_dead(rebuild(program, fold), context)


def _fold(node: ProgramNode, nodes: list[ProgramNode]) -> ProgramNode | int:
    match node:
        case AddNode():
            return _fold_sum(node, nodes)
        case MultiplyNode(operands=operands, width=width):
            if any(isinstance(nodes[o], ZeroNode) for o in operands):
                return ZeroNode(width=width)
            return node
        case ConcatNode(operands=operands, width=width):
            if all(isinstance(nodes[o], ZeroNode) for o in operands):
                return ZeroNode(width=width)
            return operands[0] if len(operands) == 1 else node
        case SliceNode():
            return _fold_slice(node, nodes)
        case ScaleNode() | ShiftNode():
            return _fold_affine(node, nodes)
        case BiasNode(operand=operand, tensor=tensor, width=width):
            if isinstance(nodes[operand], ZeroNode):
                return VectorNode(tensor=tensor, width=width)
            return node
        case DropoutNode(operand=operand, probability=probability):
            return operand if probability == 0.0 or isinstance(nodes[operand], ZeroNode) else node
        case ActivationNode(operand=operand, kind=kind):
            if kind in ZERO_AT_ZERO and isinstance(nodes[operand], ZeroNode):
                return operand
            return node
        case FlatNode(operand=operand):
            source = nodes[operand]
            return source.operand if isinstance(source, RowsNode) else node
        case ApplyNode(operand=operand, weight=weight, width=width):
            if any(isinstance(nodes[o], ZeroNode) for o in (operand, weight)):
                return ZeroNode(width=width)
            return node
        case FoldNode(operand=operand, width=width) if nodes[operand].width == width:
            return operand
        case (
            CayleyNode()
            | NormNode()
            | NormaliseNode()
            | PairProductNode()
            | FoldNode()
            | LinearNode()
            | MpoNode()
            | TensorGatesNode()
            | UnitaryNode()
        ):
            return ZeroNode(width=node.width) if isinstance(nodes[node.operand], ZeroNode) else node
        case NetworkNode(operands=entries, factor=factor, width=width):
            data = [o.node for o in entries if isinstance(o, DataOperand)]
            if factor == 0.0 or any(isinstance(nodes[index], ZeroNode) for index in data):
                return ZeroNode(width=width)
            return node
        case _:
            return node


def _fold_sum(node: AddNode, nodes: list[ProgramNode]) -> ProgramNode | int:
    kept = tuple(o for o in node.operands if not isinstance(nodes[o], ZeroNode))
    if not kept:
        return ZeroNode(width=node.width)
    return kept[0] if len(kept) == 1 else replace(node, operands=kept)


def _fold_slice(node: SliceNode, nodes: list[ProgramNode]) -> ProgramNode | int:
    while True:
        source = nodes[node.operand]
        if node.width == source.width:
            return node.operand
        match source:
            case ZeroNode():
                return ZeroNode(width=node.width)
            case SliceNode(operand=operand, start=start):
                node = replace(node, operand=operand, start=start + node.start)
            case ConcatNode(operands=operands):
                start = 0
                for operand in operands:
                    stop = start + nodes[operand].width
                    if start <= node.start and node.start + node.width <= stop:
                        break
                    start = stop
                else:
                    return node
                node = replace(node, operand=operand, start=node.start - start)
            case _:
                return node


def _fold_affine(node: ScaleNode | ShiftNode, nodes: list[ProgramNode]) -> ProgramNode | int:
    source = nodes[node.operand]
    match node, source:
        case ScaleNode(factor=1.0), _:
            return node.operand
        case ShiftNode(offset=0.0), _:
            return node.operand
        case (ScaleNode(factor=0.0), _) | (ScaleNode(), ZeroNode()):
            return ZeroNode(width=node.width)
        case ScaleNode(factor=outer), ScaleNode(factor=inner) if math.isfinite(outer * inner):
            return _fold_affine(replace(node, operand=source.operand, factor=outer * inner), nodes)
        case ShiftNode(offset=outer), ShiftNode(offset=inner) if math.isfinite(outer + inner):
            return _fold_affine(replace(node, operand=source.operand, offset=outer + inner), nodes)
        case _:
            return node
