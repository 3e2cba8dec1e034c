"""`idct2(t)`: the inverse cosine transform of a table. LoCA, arXiv:2502.06820."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.ir.domains import Domain
from qcompile.ir.node import ElementwiseNode, NodeWork
from qcompile.ir.operands import Value
from qcompile.ir.operation import CallReader, Operation
from qcompile.ir.signature import value_option
from qcompile.ir.spec_node import Lowering, UnarySpec
from qcompile.ir.verification import VerificationError


@dataclass(frozen=True, slots=True, kw_only=True)
class InverseCosineNode(ElementwiseNode):
    """Σ t_kl c_k(i) c_l(j), the orthonormal DCT-III along both axes of a table with `rows` rows.

    c_k(i) = w_k cos(π k (2 i + 1) / 2 m) for m rows, w_0 = √(1 / m) and w_k = √(2 / m).
    """

    LINEAR = True

    rows: int

    def domain(self, parts: Sequence[Domain]) -> Domain:
        if parts[0] != Domain("rows", self.rows):
            raise VerificationError("what is transformed is no table with as many rows")
        return parts[0]

    def work(self, widths: Sequence[int]) -> NodeWork:
        size = self.rows * self.width
        # For each row of the table; both transforms are of twice the length.
        return NodeWork(each=10.0 * math.log2(max(4 * size, 2)) * self.width, peak=4 * size)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecInverseCosine(UnarySpec):
    """`idct2(t)`"""

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        node = InverseCosineNode(
            operand=operand, rows=lowering.domain(operand).rows, width=lowering.width(operand)
        )
        return lowering.append(node, self.span)


def _build(call: CallReader) -> Value | None:
    value = call.value("v")
    if value is None or not call.ok or not call.expect(value, "the argument of `idct2`", "rows"):
        return None
    return call.add(SpecInverseCosine(operand=value.node, span=call.span), value.width)


OPERATIONS = (
    Operation(
        name="idct2",
        family="table",
        options=(value_option("a table"),),
        meaning="its inverse two-dimensional cosine transform, orthonormal",
        width="that of v, a table",
        build=_build,
    ),
)
