"""The torch of sums over a value."""

from __future__ import annotations

from torch import Tensor

from qcompile.backends.simulator.groups import for_each_part
from qcompile.backends.simulator.steps import NodeFunctions
from qcompile.ir.ops.reductions import ReduceNode


def summed(value: Tensor) -> Tensor:
    """(…, n) → (…, 1)."""
    return value.sum(-1, keepdim=True)


FUNCTIONS: NodeFunctions = {ReduceNode: lambda node, _: for_each_part(summed, node.width)}
