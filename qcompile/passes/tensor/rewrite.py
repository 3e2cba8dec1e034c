"""Rewriting a Program: every node once, operands first, unused tensors kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import assert_never

from qcompile.ir.network import (
    DataOperand,
    FrameOperand,
    NetworkNode,
    NetworkOperand,
    TensorOperand,
)
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
from qcompile.ir.orthogonal import OrthogonalFrame, UnitaryNode
from qcompile.ir.program import (
    CircuitNode,
    LinearNode,
    MpoNode,
    Program,
    ProgramNode,
    TensorGatesNode,
    operands,
)

Rule = Callable[[ProgramNode, list[ProgramNode]], ProgramNode | int]
"""(node with operands already renumbered, nodes so far) → a node to append, or the index of one
that has the same value."""


def rebuild(program: Program, rule: Rule) -> Program:
    """`program` with `rule` applied to each node in order; dead nodes stay."""
    nodes: list[ProgramNode] = []
    renumbered: list[int] = []
    for node in program.nodes:
        outcome = rule(renumber_operands(node, renumbered.__getitem__), nodes)
        if not isinstance(outcome, int):
            nodes.append(outcome)
            outcome = len(nodes) - 1
        renumbered.append(outcome)
    return replace(program, nodes=tuple(nodes), result=renumbered[program.result])


def uses(program: Program) -> Counter[int]:
    """How often each node is read, the result once more than its readers do."""
    counted = Counter(operand for node in program.nodes for operand in operands(node))
    counted[program.result] += 1
    return counted


def renumber_operands(node: ProgramNode, new: Callable[[int], int]) -> ProgramNode:
    """`node` reading node new(i) where it read node i."""
    match node:
        case InputNode() | OutputNode() | VectorNode() | TableNode() | BitsNode() | ZeroNode():
            return node
        case ApplyNode(operand=operand, weight=weight):
            return replace(node, operand=new(operand), weight=new(weight))
        case AddNode() | MultiplyNode() | ConcatNode() | CircuitNode():
            return replace(node, operands=tuple(new(operand) for operand in node.operands))
        case NetworkNode():
            return replace(node, operands=tuple(_renumbered(o, new) for o in node.operands))
        case (
            ScaleNode()
            | ShiftNode()
            | BiasNode()
            | CayleyNode()
            | SliceNode()
            | ActivationNode()
            | DropoutNode()
            | NormNode()
            | NormaliseNode()
            | PairProductNode()
            | RowsNode()
            | FlatNode()
            | FoldNode()
            | LinearNode()
            | MpoNode()
            | UnitaryNode()
            | TensorGatesNode()
        ):
            return replace(node, operand=new(node.operand))
        case _:
            assert_never(node)


def _renumbered(operand: NetworkOperand, new: Callable[[int], int]) -> NetworkOperand:
    match operand:
        case TensorOperand() | FrameOperand():
            return operand
        case DataOperand():
            return replace(operand, node=new(operand.node))
        case _:
            assert_never(operand)


def renumber_tensors(node: ProgramNode, new: Mapping[int, int]) -> ProgramNode:
    """`node` reading tensor new[i] where it read tensor i."""
    match node:
        case VectorNode() | TableNode() | BiasNode() | CayleyNode() | LinearNode():
            return replace(node, tensor=new[node.tensor])
        case MpoNode():
            return replace(node, cores=tuple(new[core] for core in node.cores))
        case TensorGatesNode():
            return replace(node, gates=tuple(new[gate] for gate in node.gates))
        case NetworkNode():
            return replace(node, operands=tuple(_rereading(o, new) for o in node.operands))
        case CircuitNode() | UnitaryNode():
            return node if node.angles is None else replace(node, angles=new[node.angles])
        case _:
            return node


def _rereading(operand: NetworkOperand, new: Mapping[int, int]) -> NetworkOperand:
    match operand:
        case TensorOperand(tensor=tensor):
            return replace(operand, tensor=new[tensor])
        case FrameOperand(frame=OrthogonalFrame(angles=int(angles)) as frame):
            return replace(operand, frame=replace(frame, angles=new[angles]))
        case _:
            return operand
