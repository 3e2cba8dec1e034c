"""`ifft2(t)`: the inverse Fourier transform of a table. FourierFT, arXiv:2405.03003."""

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
class InverseFourierNode(ElementwiseNode):
    """(1 / (m n)) Σ t_kl cos(2π (i k / m + j l / n)) for a table (m, n), m = `rows`."""

    LINEAR = True

    rows: int

    def domain(self, parts: Sequence[Domain]) -> Domain:
        if parts[0] != Domain("rows", self.rows):
            raise VerificationError("what is transformed is no table with as many rows")
        return parts[0]

    def work(self, widths: Sequence[int]) -> NodeWork:
        size = self.rows * self.width
        # For each row of the table.
        return NodeWork(each=5.0 * math.log2(max(size, 2)) * self.width, peak=2 * size)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecInverseFourier(UnarySpec):
    """`ifft2(t)`"""

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        node = InverseFourierNode(
            operand=operand, rows=lowering.domain(operand).rows, width=lowering.width(operand)
        )
        return lowering.append(node, self.span)


def _build(call: CallReader) -> Value | None:
    value = call.value("v")
    if value is None or not call.ok or not call.expect(value, "the argument of `ifft2`", "rows"):
        return None
    return call.add(SpecInverseFourier(operand=value.node, span=call.span), value.width)


OPERATIONS = (
    Operation(
        name="ifft2",
        family="table",
        options=(value_option("a table"),),
        meaning="the real part of its inverse two-dimensional Fourier transform",
        width="that of v, a table",
        build=_build,
    ),
)
