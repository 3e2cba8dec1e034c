"""Tables at concrete sizes."""

from __future__ import annotations

from qcompile.diagnostics.messages.sizes_of_tables import RowsDoNotDivide
from qcompile.ir.nodes import BitsNode, FlatNode, RowsNode, TableNode
from qcompile.ir.spec import SpecBits, SpecFlat, SpecRows, SpecTable
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verify_program import MOST_BITS
from qcompile.passes.lowering.graph import Graph
from qcompile.passes.lowering.sizing import Sizing, checked_width


def lower_table(node: SpecTable, graph: Graph, sizing: Sizing) -> int:
    """Index of the node of a trainable table."""
    rows = checked_width(node.rows, "the number of rows", node.span, sizing)
    width = checked_width(node.size, "the width of a `table`", node.span, sizing)
    tensor = graph.layout.add(
        TensorSpec(name=node.name, shape=(rows, width), init=node.init, share=node.share),
        node.span,
    )
    return graph.append(TableNode(tensor=tensor, rows=rows, width=width), node.span)


def lower_bits(node: SpecBits, graph: Graph, sizing: Sizing) -> int:
    """Index of the node of all binary numbers."""
    digits = sizing.integer(node.digits, "the number of digits", node.span, low=1, high=MOST_BITS)
    return graph.append(BitsNode(width=digits), node.span)


def lower_rows(node: SpecRows, operand: int, graph: Graph, sizing: Sizing) -> int:
    """Index of the node of a value cut into rows; raises `Refused` where they are not equal."""
    rows = checked_width(node.count, "the number of rows", node.span, sizing)
    total = graph.width(operand)
    if total % rows:
        sizing.report.refuse(RowsDoNotDivide(width=total, rows=rows, span=node.span))
    return graph.append(RowsNode(operand=operand, rows=rows, width=total // rows), node.span)


def lower_flat(node: SpecFlat, operand: int, graph: Graph) -> int:
    """Index of the node of a table as one vector; raises `Refused` where it is too wide."""
    width = graph.domain(operand).rows * graph.width(operand)
    return graph.append(FlatNode(operand=operand, width=width), node.span)
