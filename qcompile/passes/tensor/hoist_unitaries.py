"""Which orthogonal matrices of circuits are built once per call.

Either the gates act on the value of every token, one column each, or on the K columns of the matrix
that are needed, K being the smaller of the two widths, and a token costs one product with an N × K
matrix.
"""

from __future__ import annotations

from qcompile.executors.costing import Workload
from qcompile.executors.sweeps.columns import columns_seconds
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.orthogonal import UnitaryNode
from qcompile.ir.program import Program
from qcompile.passes.base import Context
from qcompile.passes.evaluators import workload


def hoisted_unitaries(program: Program, context: Context) -> frozenset[int]:
    """The UnitaryNodes whose columns are cheaper to build once than their gates on every token."""
    load = workload(context)
    on_data: list[bool] = []
    hoisted: set[int] = set()
    for index, node in enumerate(program.nodes):
        on_data.append(isinstance(node, InputNode) or any(on_data[o] for o in node.inputs))
        if isinstance(node, UnitaryNode):
            tokens = load.tokens if on_data[index] else 1
            entering = program.nodes[node.operand].width
            columns = min(node.width, entering)
            widens = node.width >= entering
            each = columns_seconds(node.orthogonal, tokens, load, adjoint=node.adjoint)
            adjoint = node.adjoint if widens else not node.adjoint
            once = columns_seconds(node.orthogonal, columns, load, adjoint=adjoint)
            if once + _product_seconds(node.orthogonal.size, columns, tokens, load) <= each:
                hoisted.add(index)
    return frozenset(hoisted)


def _product_seconds(size: int, columns: int, tokens: int, load: Workload) -> float:
    """Forward and backward, of the product of (tokens, size) and (size, columns)."""
    moved = float(size) * columns + float(tokens) * (size + columns)
    return load.machine.seconds(
        flops=6.0 * size * columns * tokens, bytes=3.0 * load.item_bytes * moved, operations=1
    )
