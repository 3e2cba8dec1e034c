"""Tables for random programs to transform."""

from __future__ import annotations

from hypothesis import strategies as st

from qcompile.ir.ops.tables import TableNode
from qcompile.testing.growing import Growing


def table_operand(program: Growing, operand: int, width: int) -> int:
    """The operand where it is a table, else a new one that is as wide."""
    if program.domain(operand).kind == "rows":
        return operand
    rows = program.draw(st.integers(1, 4))
    table = TableNode(tensor=program.tensor((rows, width)), rows=rows, width=width)
    return program.append(table, degree=1)
