"""`a + b`, `a * b`, `2 * a`, `1 + a`: elementwise sums and products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.lowering import WidthsDifferAtSize
from qcompile.diagnostics.source import Span
from qcompile.ir.node import (
    Dependence,
    ElementwiseNode,
    Needed,
    NodeWork,
    PlainNode,
    of_product,
    of_the_same,
)
from qcompile.ir.scalar import Scalar
from qcompile.ir.spec_node import Lowering, ManyOperandsSpec, UnarySpec
from qcompile.ir.verification import require


@dataclass(frozen=True, slots=True, kw_only=True)
class AddNode(PlainNode):
    """Sum of two or more values."""

    READS = ("operands",)

    operands: tuple[int, ...]
    width: int

    def verify(self, widths: Sequence[int]) -> Needed:
        require(len(widths) >= 2, "fewer than two operands")
        require(all(w == self.width for w in widths), "the operands' widths disagree")
        return ()

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        return of_the_same(parts)

    def work(self, widths: Sequence[int]) -> NodeWork:
        return NodeWork(each=float((len(widths) - 1) * self.width))


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplyNode(PlainNode):
    """Elementwise product of two or more values; a width of 1 broadcasts."""

    READS = ("operands",)
    SAVES = True

    operands: tuple[int, ...]
    width: int

    def verify(self, widths: Sequence[int]) -> Needed:
        require(len(widths) >= 2, "fewer than two operands")
        require(all(w in (1, self.width) for w in widths), "the operands' widths disagree")
        require(self.width in widths, "no operand is as wide as the product")
        return ()

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        return of_product(parts)

    def work(self, widths: Sequence[int]) -> NodeWork:
        return NodeWork(each=float((len(widths) - 1) * self.width), backward=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleNode(ElementwiseNode):
    """factor · a."""

    LINEAR = True
    FLOPS = 1.0
    DETAIL = "{node.factor!r}"

    factor: float

    def verify(self, widths: Sequence[int]) -> Needed:
        require(math.isfinite(self.factor), "the number is not finite")
        return ElementwiseNode.verify(self, widths)

    @property
    def label(self) -> str:
        return f"scale {self.factor:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftNode(ElementwiseNode):
    """offset + a."""

    FLOPS = 1.0
    DETAIL = "{node.offset!r}"

    offset: float

    def verify(self, widths: Sequence[int]) -> Needed:
        require(math.isfinite(self.offset), "the number is not finite")
        return ElementwiseNode.verify(self, widths)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecSum(ManyOperandsSpec):
    """Elementwise sum; widths must agree."""

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        width = _common_width(inputs, "added", self.span, lowering)
        return lowering.append(AddNode(operands=inputs, width=width), self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecProduct(ManyOperandsSpec):
    """Elementwise product; widths must agree."""

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        width = _common_width(inputs, "multiplied", self.span, lowering)
        return lowering.append(MultiplyNode(operands=inputs, width=width), self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecScale(UnarySpec):
    """A number times a value."""

    factor: Scalar

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        factor = lowering.real(self.factor, "a factor", self.span)
        node = ScaleNode(operand=operand, factor=factor, width=lowering.width(operand))
        return lowering.append(node, self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecShift(UnarySpec):
    """A number added to every element of a value."""

    offset: Scalar

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        offset = lowering.real(self.offset, "a summand", self.span)
        node = ShiftNode(operand=operand, offset=offset, width=lowering.width(operand))
        return lowering.append(node, self.span)


def _common_width(
    operands: tuple[int, ...], action: str, span: Span | None, lowering: Lowering
) -> int:
    widths = tuple(dict.fromkeys(lowering.width(operand) for operand in operands))
    if len(widths) != 1:
        lowering.refuse(WidthsDifferAtSize(widths=widths, action=action, span=span))
    return widths[0]
