"""Block-diagonal orthogonal maps at concrete sizes."""

from __future__ import annotations

from qcompile.diagnostics.messages.sized_tensors import BlocksDoNotFitAtSize
from qcompile.ir.limits import MAX_BLOCK
from qcompile.ir.nodes import CayleyNode
from qcompile.ir.spec import SpecCayley
from qcompile.ir.tensor import TensorSpec
from qcompile.passes.lowering.graph import Graph
from qcompile.passes.lowering.sizing import Sizing


def lower_cayley(node: SpecCayley, operand: int, graph: Graph, sizing: Sizing) -> int:
    """Index of the CayleyNode."""
    width = graph.width(operand)
    block = sizing.integer(node.block, "a block of `cayley`", node.span, low=2, high=MAX_BLOCK)
    if width % block:
        sizing.report.refuse(
            BlocksDoNotFitAtSize(block=block, width=width, span=node.block.span or node.span)
        )
    tensor = graph.layout.add(
        TensorSpec(
            name=f"{node.name}.skew",
            shape=(width // block, block * (block - 1) // 2),
            init=node.init,
            share=None if node.share is None else f"{node.share}.skew",
        ),
        node.span,
    )
    return graph.append(
        CayleyNode(operand=operand, tensor=tensor, block=block, width=width), node.span
    )
