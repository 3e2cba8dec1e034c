"""Rewriting a Program: every node once, operands first, unused tensors kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from qcompile.ir.node import ProgramNode
from qcompile.ir.program import Program

Rule = Callable[[ProgramNode, list[ProgramNode]], ProgramNode | int]
"""(node with operands already renumbered, nodes so far) → a node to append, or the index of one
that has the same value."""


def rebuild(program: Program, rule: Rule) -> Program:
    """`program` with `rule` applied to each node in order; dead nodes stay."""
    nodes: list[ProgramNode] = []
    renumbered: list[int] = []
    for node in program.nodes:
        outcome = rule(node.reading(renumbered.__getitem__), nodes)
        if not isinstance(outcome, int):
            nodes.append(outcome)
            outcome = len(nodes) - 1
        renumbered.append(outcome)
    return replace(program, nodes=tuple(nodes), result=renumbered[program.result])


def uses(program: Program) -> Counter[int]:
    """How often each node is read, the result once more than its readers do."""
    counted = Counter(operand for node in program.nodes for operand in node.inputs)
    counted[program.result] += 1
    return counted
