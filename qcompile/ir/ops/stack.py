"""`stack(v, …)`: values and the rows of tables, one under the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.lowering import WidthsDifferAtSize
from qcompile.ir.operands import Value
from qcompile.ir.operation import CallReader, Operation
from qcompile.ir.ops.tables import FlatNode, RowsNode
from qcompile.ir.ops.widths import ConcatNode
from qcompile.ir.signature import Option
from qcompile.ir.spec_node import Lowering, ManyOperandsSpec, SpecDomain


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecStack(ManyOperandsSpec):
    """`stack(a, b, …)`: a table with a row for each value, and the rows of each table."""

    def domain(self, parts: Sequence[SpecDomain]) -> SpecDomain:
        return "rows"

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        widths = tuple(dict.fromkeys(lowering.width(index) for index in inputs))
        if len(widths) > 1:
            lowering.refuse(WidthsDifferAtSize(widths=widths, action="stacked", span=self.span))
        (width,) = widths
        parts, rows = [], 0
        for index in inputs:
            domain = lowering.domain(index)
            if domain.kind == "rows":
                rows += domain.rows
                flat = FlatNode(operand=index, width=domain.rows * width)
                parts.append(lowering.append(flat, self.span))
            else:
                rows += 1
                parts.append(index)
        all_of_them = ConcatNode(operands=tuple(parts), width=rows * width)
        operand = lowering.append(all_of_them, self.span) if len(parts) > 1 else parts[0]
        return lowering.append(RowsNode(operand=operand, rows=rows, width=width), self.span)


def _stack(call: CallReader) -> Value | None:
    values = call.values()
    if values is None or not call.ok:
        return None
    for value in values:
        if call.of_tokens(value) and not call.expect(value, "an argument of `stack`", "free"):
            return None
    node = SpecStack(operands=tuple(value.node for value in values), span=call.span)
    return call.add(node, values[0].width if values else None)


OPERATIONS = (
    Operation(
        name="stack",
        family="table",
        options=(
            Option(
                name="v",
                kind="values",
                positional=True,
                meaning="values that do not depend on `x`, and tables, in order",
            ),
        ),
        meaning="values as the rows of a table, and tables one under the other",
        width="that of v, a table",
        build=_stack,
    ),
)
