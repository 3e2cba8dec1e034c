"""`kron(a, b)`: the Kronecker product of two values, or of two tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.ir.domains import Domain, joined
from qcompile.ir.node import Dependence, Needed, NodeWork, PlainNode, of_product
from qcompile.ir.operands import Value
from qcompile.ir.operation import CallReader, Operation
from qcompile.ir.signature import Option
from qcompile.ir.spec_node import Lowering, SpecNode
from qcompile.ir.verification import require


@dataclass(frozen=True, slots=True, kw_only=True)
class KronNode(PlainNode):
    """a ⊗ b: a_i b_j at i · (width of b) + j; of two tables also with all pairs of rows."""

    READS = ("left", "right")
    PRODUCT = True

    left: int
    right: int
    tables: bool
    """Both are tables."""
    width: int

    def domain(self, parts: Sequence[Domain]) -> Domain:
        both = all(part.kind == "rows" for part in parts)
        require(both == self.tables, "it does not say whether both are tables")
        if both:
            return Domain("rows", parts[0].rows * parts[1].rows)
        return joined(parts)

    def verify(self, widths: Sequence[int]) -> Needed:
        require(self.width == widths[0] * widths[1], "it is not as wide as the product")
        return ()

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        return of_product(parts)

    def work(self, widths: Sequence[int]) -> NodeWork:
        return NodeWork(each=float(self.width), backward=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecKron(SpecNode):
    """`kron(a, b)`"""

    READS = ("left", "right")

    left: int
    right: int

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        left, right = inputs
        node = KronNode(
            left=left,
            right=right,
            tables=all(lowering.domain(index).kind == "rows" for index in inputs),
            width=lowering.width(left) * lowering.width(right),
        )
        return lowering.append(node, self.span)


def _build(call: CallReader) -> Value | None:
    left, right = call.value("a"), call.value("b")
    if left is None or right is None or not call.ok:
        return None
    width = None
    if left.width is not None and right.width is not None:
        width = call.combine("*", left.width, right.width)
    return call.add(SpecKron(left=left.node, right=right.node, span=call.span), width)


OPERATIONS = (
    Operation(
        name="kron",
        family="structure",
        options=tuple(
            Option(name=name, kind="value", meaning=meaning, positional=True)
            for name, meaning in (("a", "the value, or table, of blocks"), ("b", "each block"))
        ),
        meaning="the Kronecker product: every element of a times b; of tables with all pairs of"
        " rows",
        width="the product of the widths",
        build=_build,
    ),
)
