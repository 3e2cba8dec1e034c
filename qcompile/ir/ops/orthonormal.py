"""`orthonormal(t)`: the rows of a table, orthogonalised in their order. HRA, arXiv:2405.17484."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.lowering import OutOfRangeAtSize
from qcompile.ir.domains import Domain
from qcompile.ir.node import ElementwiseNode, Needed, NodeWork
from qcompile.ir.operands import Value
from qcompile.ir.operation import CallReader, Operation
from qcompile.ir.signature import value_option
from qcompile.ir.spec_node import Lowering, SpecDomain, UnarySpec
from qcompile.ir.verification import require


@dataclass(frozen=True, slots=True, kw_only=True)
class OrthonormalNode(ElementwiseNode):
    """Gram and Schmidt's process: each row less its part along those before, over its length.

    Rows that depend on each other have no such basis; what is left of one is rounding.
    """

    DETAIL = "{node.rows}"
    SAVES = True

    rows: int

    def domain(self, parts: Sequence[Domain]) -> Domain:
        require(parts[0] == Domain("rows", self.rows), "it is of no table with as many rows")
        return parts[0]

    def verify(self, widths: Sequence[int]) -> Needed:
        require(1 <= self.rows <= widths[0], "more rows than they are wide")
        return ElementwiseNode.verify(self, widths)

    def work(self, widths: Sequence[int]) -> NodeWork:
        # Twice the products with the rows before, on the average half of them, and back.
        kept = 2 * self.width
        return NodeWork(each=4.0 * self.rows * self.width, backward=2, interior=kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecOrthonormal(UnarySpec):
    """`orthonormal(t)`"""

    def domain(self, parts: Sequence[SpecDomain]) -> SpecDomain:
        return "rows"

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        rows, width = lowering.domain(operand).rows, lowering.width(operand)
        if rows > width:
            what, bounds = "the number of rows of an `orthonormal`", f"at most their width, {width}"
            lowering.refuse(
                OutOfRangeAtSize(what=what, bounds=bounds, value=str(rows), span=self.span)
            )
        return lowering.append(OrthonormalNode(operand=operand, rows=rows, width=width), self.span)


def _build(call: CallReader) -> Value | None:
    value = call.value("v")
    if value is None or not call.ok:
        return None
    if not call.expect(value, "the argument of `orthonormal`", "rows"):
        return None
    return call.add(SpecOrthonormal(operand=value.node, span=call.span), value.width)


OPERATIONS = (
    Operation(
        name="orthonormal",
        family="table",
        options=(value_option("a table"),),
        meaning="its rows made orthogonal in their order, each of length 1 (Gram and Schmidt)",
        width="that of v, a table",
        build=_build,
    ),
)
