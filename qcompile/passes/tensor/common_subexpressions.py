"""Computes equal values once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.ir.node import ProgramNode
from qcompile.ir.ops.dropout import DropoutNode
from qcompile.ir.program import CircuitNode, Program
from qcompile.passes.base import Context, ProgramPass
from qcompile.passes.tensor.rewrite import rebuild


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonSubexpressions(ProgramPass):
    """Equal nodes on equal operands become one.

    Dropout draws a mask of its own each time, and so does a circuit that is sampled with shots:
    those are never merged.
    """

    name: ClassVar[str] = "common-subexpressions"

    def run(self, program: Program, context: Context) -> Program:
        first: dict[ProgramNode, int] = {}
        sampled = context.target.shots is not None

        def merge(node: ProgramNode, nodes: list[ProgramNode]) -> ProgramNode | int:
            if isinstance(node, DropoutNode) or (sampled and isinstance(node, CircuitNode)):
                return node
            known = first.setdefault(node, len(nodes))
            return node if known == len(nodes) else known

        return rebuild(program, merge)
