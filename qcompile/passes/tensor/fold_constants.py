"""Folds what is known at compile time: factors, zeros, slices, elements without effect."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.ir.domains import Domain
from qcompile.ir.network import NetworkNode
from qcompile.ir.node import Dependence, ProgramNode
from qcompile.ir.ops.arithmetic import AddNode, ScaleNode, ShiftNode
from qcompile.ir.ops.circuit_data import FoldNode
from qcompile.ir.ops.dropout import DropoutNode
from qcompile.ir.ops.linear import BiasNode
from qcompile.ir.ops.tables import FlatNode, RowsNode, VectorNode
from qcompile.ir.ops.widths import ConcatNode, SliceNode, ZeroNode
from qcompile.ir.program import Program
from qcompile.passes.base import Context, ProgramPass
from qcompile.passes.tensor.remove_dead import without_dead
from qcompile.passes.tensor.rewrite import rebuild


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
            domain = node.domain([known[operand] for operand in node.inputs])
            folded = _fold(node, nodes)
            lost = isinstance(folded, ZeroNode) or (
                isinstance(folded, int) and known[folded] != domain
            )
            if lost and domain.kind == "rows":
                folded = node
            if not isinstance(folded, int):
                known.append(folded.domain([known[operand] for operand in folded.inputs]))
            return folded

        return without_dead(rebuild(program, fold), context)


def _fold(node: ProgramNode, nodes: list[ProgramNode]) -> ProgramNode | int:
    parts = [nodes[operand] for operand in node.inputs]
    zeros: list[Dependence] = ["zero" if isinstance(part, ZeroNode) else "other" for part in parts]
    if parts and node.dependence(zeros) == "zero":
        return ZeroNode(width=node.width)
    match node:
        case AddNode():
            return _fold_sum(node, nodes)
        case ConcatNode(operands=(operand,)):
            return operand
        case SliceNode():
            return _fold_slice(node, nodes)
        case ScaleNode() | ShiftNode():
            return _fold_affine(node, nodes)
        case BiasNode(operand=operand, tensor=tensor, width=width):
            if isinstance(nodes[operand], ZeroNode):
                return VectorNode(tensor=tensor, width=width)
            return node
        case DropoutNode(operand=operand, probability=0.0):
            return operand
        case FlatNode(operand=operand):
            source = nodes[operand]
            return source.operand if isinstance(source, RowsNode) else node
        case FoldNode(operand=operand, width=width) if nodes[operand].width == width:
            return operand
        case NetworkNode(factor=0.0, width=width):
            return ZeroNode(width=width)
        case _:
            return node


def _fold_sum(node: AddNode, nodes: list[ProgramNode]) -> ProgramNode | int:
    kept = tuple(o for o in node.operands if not isinstance(nodes[o], ZeroNode))
    return kept[0] if len(kept) == 1 else replace(node, operands=kept)


def _fold_slice(node: SliceNode, nodes: list[ProgramNode]) -> ProgramNode | int:
    while True:
        source = nodes[node.operand]
        if node.width == source.width:
            return node.operand
        match source:
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
        case ScaleNode(factor=0.0), _:
            return ZeroNode(width=node.width)
        case ScaleNode(factor=outer), ScaleNode(factor=inner) if math.isfinite(outer * inner):
            return _fold_affine(replace(node, operand=source.operand, factor=outer * inner), nodes)
        case ShiftNode(offset=outer), ShiftNode(offset=inner) if math.isfinite(outer + inner):
            return _fold_affine(replace(node, operand=source.operand, offset=outer + inner), nodes)
        case _:
            return node
