"""Whether a plan's result is a linear map of x and y, so that it can be merged into a weight."""

from __future__ import annotations

from collections.abc import Sequence

from qcompile.ir.node import Dependence, PlanNode


def is_linear(nodes: Sequence[PlanNode], result: int) -> bool:
    """W x + A y for some W and A, in evaluation mode: no activation, circuit, bias or offset."""
    known: list[Dependence] = []
    for node in nodes:
        known.append(node.dependence([known[operand] for operand in node.inputs]))
    return known[result] in ("zero", "linear")
