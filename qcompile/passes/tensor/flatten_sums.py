"""Makes one sum of nested sums."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.ir.node import ProgramNode
from qcompile.ir.ops.arithmetic import AddNode
from qcompile.ir.program import Program
from qcompile.passes.base import Context, ProgramPass
from qcompile.passes.tensor.rewrite import rebuild, uses


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenSums(ProgramPass):
    """a + (b + c) becomes a + b + c wherever the inner sum has no other reader."""

    name: ClassVar[str] = "flatten-sums"

    def run(self, program: Program, context: Context) -> Program:
        read = uses(program)

        def flatten(node: ProgramNode, nodes: list[ProgramNode]) -> ProgramNode | int:
            # Nothing is replaced by an earlier node, so the numbers stay as they were.
            if not isinstance(node, AddNode):
                return node
            parts: list[int] = []
            for operand in node.operands:
                inner = nodes[operand]
                if isinstance(inner, AddNode) and read[operand] == 1:
                    parts.extend(inner.operands)
                else:
                    parts.append(operand)
            return replace(node, operands=tuple(parts))

        return rebuild(program, flatten)
