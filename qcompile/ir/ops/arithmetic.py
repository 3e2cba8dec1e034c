"""`a + b`, `a * b`, `2 * a`, `1 + a`, `a ** 3`: sums, products and powers, element by element."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.lowering import WidthsDifferAtSize
from qcompile.diagnostics.source import Span
from qcompile.ir.machine import ELEMENTARY_FUNCTION
from qcompile.ir.node import (
    Dependence,
    ElementwiseNode,
    Needed,
    NodeWork,
    PlainNode,
    of_product,
    of_the_same,
)
from qcompile.ir.ops.elementwise import ActivationNode
from qcompile.ir.ops.widths import BroadcastNode
from qcompile.ir.scalar import Scalar
from qcompile.ir.spec_node import Lowering, ManyOperandsSpec, SpecNode, UnarySpec
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
    PRODUCT = True

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
class DivideNode(PlainNode):
    """a / b, element by element; a width of 1 broadcasts."""

    READS = ("operand", "divisor")
    SAVES = True

    operand: int
    divisor: int
    width: int

    def verify(self, widths: Sequence[int]) -> Needed:
        require(all(w in (1, self.width) for w in widths), "the operands' widths disagree")
        require(self.width in widths, "no operand is as wide as the quotient")
        return ()

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        return parts[0] if parts[1] == "constant" else "other"

    def work(self, widths: Sequence[int]) -> NodeWork:
        return NodeWork(each=float(self.width), backward=4)


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
class PowerNode(ElementwiseNode):
    """a^exponent."""

    FLOPS = float(ELEMENTARY_FUNCTION)
    SAVES = True
    DETAIL = "{node.exponent!r}"

    exponent: float

    def verify(self, widths: Sequence[int]) -> Needed:
        require(math.isfinite(self.exponent), "the exponent is not finite")
        return ElementwiseNode.verify(self, widths)

    @property
    def label(self) -> str:
        return f"power {self.exponent:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecSum(ManyOperandsSpec):
    """Elementwise sum; a width of 1 broadcasts."""

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        width = _common_width(inputs, "added", self.span, lowering)
        wide = []
        for operand in inputs:
            if lowering.width(operand) != width:
                operand = lowering.append(BroadcastNode(operand=operand, width=width), self.span)
            wide.append(operand)
        return lowering.append(AddNode(operands=tuple(wide), width=width), self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecProduct(ManyOperandsSpec):
    """Elementwise product; a width of 1 broadcasts."""

    @property
    def factors(self) -> tuple[int, ...]:
        return self.operands

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        width = _common_width(inputs, "multiplied", self.span, lowering)
        return lowering.append(MultiplyNode(operands=inputs, width=width), self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecQuotient(SpecNode):
    """Elementwise quotient; a width of 1 broadcasts."""

    READS = ("operand", "divisor")

    operand: int
    divisor: int

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        width = _common_width(inputs, "divided", self.span, lowering)
        operand, divisor = inputs
        node = DivideNode(operand=operand, divisor=divisor, width=width)
        return lowering.append(node, self.span)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecPower(UnarySpec):
    """A value to the power of a number."""

    exponent: Scalar

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        exponent = lowering.real(self.exponent, "an exponent", self.span)
        width = lowering.width(operand)
        if exponent == 1.0:
            return operand
        if exponent in _POWERS:
            node = ActivationNode(operand=operand, kind=_POWERS[exponent], width=width)
            return lowering.append(node, self.span)
        return lowering.append(
            PowerNode(operand=operand, exponent=exponent, width=width), self.span
        )


_POWERS = {2.0: "square", 0.5: "sqrt", -1.0: "reciprocal"}
"""Those that have a function of their own."""


def _common_width(
    operands: tuple[int, ...], action: str, span: Span | None, lowering: Lowering
) -> int:
    widths = tuple(dict.fromkeys(lowering.width(operand) for operand in operands))
    wide = [width for width in widths if width != 1]
    if len(wide) > 1:
        lowering.refuse(WidthsDifferAtSize(widths=widths, action=action, span=span))
    return wide[0] if wide else 1
