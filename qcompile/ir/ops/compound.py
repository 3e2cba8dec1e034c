"""`compound(t, order: k)`: all minors of a table. QuIC adapters, arXiv:2502.06916."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.sizes_of_tables import MinorsImpossible
from qcompile.ir.domains import Domain
from qcompile.ir.limits import MAX_MINORS, MAX_ORDER
from qcompile.ir.node import Needed, NodeWork, UnaryNode
from qcompile.ir.operands import Value
from qcompile.ir.operation import CallReader, Operation
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import Option, value_option
from qcompile.ir.spec_node import Lowering, UnarySpec
from qcompile.ir.verification import require


@dataclass(frozen=True, slots=True, kw_only=True)
class CompoundNode(UnaryNode):
    """The determinants of all order × order parts of a table with `rows` rows.

    Sets of rows and sets of columns stand in the order of their smallest elements. The compound of
    a product is the product of the compounds, that of an orthogonal matrix is orthogonal.
    """

    order: int
    rows: int
    width: int

    def domain(self, parts: Sequence[Domain]) -> Domain:
        require(parts[0] == Domain("rows", self.rows), "it is of no table with as many rows")
        return Domain("rows", math.comb(self.rows, self.order))

    def verify(self, widths: Sequence[int]) -> Needed:
        require(1 <= self.order <= MAX_ORDER, "an order out of range")
        require(self.order <= self.rows, "more rows in a part than there are")
        require(self.width == math.comb(widths[0], self.order), "not as wide as there are minors")
        return ()

    def work(self, widths: Sequence[int]) -> NodeWork:
        (columns,) = widths
        rows = math.comb(self.rows, self.order)
        # Minors are expanded by those of one row and column less.
        sizes = [
            (2 * k - 1) * math.comb(self.rows, k) * math.comb(columns, k)
            for k in range(2, self.order + 1)
        ]
        last = 2 * self.order * self.width
        return NodeWork(each=sum(sizes) / rows, backward=2, peak=last * rows)

    @property
    def label(self) -> str:
        return f"compound of order {self.order}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecCompound(UnarySpec):
    """`compound(t, order: k)`"""

    order: Scalar

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        rows, columns = lowering.domain(operand).rows, lowering.width(operand)
        order = lowering.integer(self.order, "the order of a `compound`", self.span, low=1)
        reason = ""
        if order > min(rows, columns, MAX_ORDER):
            reason = f"the order is at most {min(rows, columns, MAX_ORDER)}"
        elif math.comb(rows, order) * math.comb(columns, order) > MAX_MINORS:
            count = math.comb(rows, order) * math.comb(columns, order)
            reason = f"there are {count}, more than {MAX_MINORS}"
        if reason:
            lowering.refuse(
                MinorsImpossible(
                    order=order, rows=rows, width=columns, reason=reason, span=self.span
                )
            )
        node = CompoundNode(
            operand=operand, order=order, rows=rows, width=math.comb(columns, order)
        )
        return lowering.append(node, self.span)


def _build(call: CallReader) -> Value | None:
    value, order = call.value("v"), call.integer("order")
    if value is None or order is None or not call.ok:
        return None
    if not call.expect(value, "the argument of `compound`", "rows"):
        return None
    node = SpecCompound(operand=value.node, order=order.scalar, span=call.span)
    return call.add(node, None)


OPERATIONS = (
    Operation(
        name="compound",
        family="table",
        options=(
            value_option("a table"),
            Option(
                name="order",
                kind="int",
                low=1,
                high=MAX_ORDER,
                default="2",
                meaning="rows and columns of each part",
            ),
        ),
        meaning="the determinants of all its square parts of one size",
        width="as many as there are sets of columns, a table",
        build=_build,
    ),
)
