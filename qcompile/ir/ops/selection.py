"""`where(c, a, b)`, `top(v, n)`: elements chosen by other elements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.lowering import WidthsDifferAtSize
from qcompile.diagnostics.messages.sized_tensors import TooFewElements
from qcompile.diagnostics.messages.values import WidthsDiffer
from qcompile.ir.node import (
    Dependence,
    ElementwiseNode,
    Needed,
    NodeWork,
    PlainNode,
    of_the_same,
)
from qcompile.ir.operands import Operand, Typed, Value
from qcompile.ir.operation import CallReader, Operation, standard
from qcompile.ir.ops.arithmetic import ShiftNode
from qcompile.ir.ops.widths import BroadcastNode, ZeroNode
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import Option, size_option, value_option
from qcompile.ir.spec_node import Lowering, SpecNode, UnarySpec
from qcompile.ir.verification import require


@dataclass(frozen=True, slots=True, kw_only=True)
class WhereNode(PlainNode):
    """`yes` where the condition is not zero, else `no`, element by element."""

    READS = ("condition", "yes", "no")

    condition: int
    yes: int
    no: int
    width: int

    def verify(self, widths: Sequence[int]) -> Needed:
        require(all(w == self.width for w in widths), "the operands' widths disagree")
        return ()

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        condition, *values = parts
        chosen = of_the_same(values)
        if chosen == "zero":
            return "zero"
        return chosen if condition in ("zero", "constant") else "other"

    def work(self, widths: Sequence[int]) -> NodeWork:
        return NodeWork(each=float(self.width), backward=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopNode(ElementwiseNode):
    """1 at the `count` largest elements, 0 at the others, no gradient; of equals the first."""

    DETAIL = "{node.count}"

    count: int

    def verify(self, widths: Sequence[int]) -> Needed:
        require(1 <= self.count <= self.width, "more than there are")
        return ElementwiseNode.verify(self, widths)

    def work(self, widths: Sequence[int]) -> NodeWork:
        return NodeWork(each=self.width * math.log2(max(self.width, 2)), backward=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecWhere(SpecNode):
    """`where(c, a, b)`; a or b may be a number."""

    READS = ("condition", "yes", "no")

    condition: int
    yes: int | None
    no: int | None
    yes_number: Scalar | None
    """In place of `yes`."""
    no_number: Scalar | None

    def verify(self) -> None:
        for value, number in ((self.yes, self.yes_number), (self.no, self.no_number)):
            require((value is None) != (number is None), "neither a value nor a number")

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        condition, *rest = inputs
        yes = rest.pop(0) if self.yes_number is None else self._number(self.yes_number, lowering)
        no = rest.pop(0) if self.no_number is None else self._number(self.no_number, lowering)
        widths = [lowering.width(operand) for operand in (condition, yes, no)]
        width = max(widths)
        if any(own not in (1, width) for own in widths):
            lowering.refuse(
                WidthsDifferAtSize(widths=tuple(widths), action="chosen", span=self.span)
            )
        full = [
            operand
            if own == width
            else lowering.append(BroadcastNode(operand=operand, width=width), self.span)
            for operand, own in zip((condition, yes, no), widths, strict=True)
        ]
        node = WhereNode(condition=full[0], yes=full[1], no=full[2], width=width)
        return lowering.append(node, self.span)

    def _number(self, scalar: Scalar, lowering: Lowering) -> int:
        offset = lowering.real(scalar, "a number", self.span)
        zero = lowering.append(ZeroNode(width=1), self.span)
        if offset == 0:
            return zero
        return lowering.append(ShiftNode(operand=zero, offset=offset, width=1), self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecTop(UnarySpec):
    """`top(v, n)`"""

    count: Scalar

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        count = lowering.integer(self.count, "the number of elements", self.span, low=1)
        width = lowering.width(operand)
        if count > width:
            lowering.refuse(TooFewElements(count=count, width=width, span=self.span))
        node = TopNode(operand=operand, count=count, width=width)
        return lowering.append(node, self.span)


def _where(call: CallReader) -> Value | None:
    condition = call.value("c")
    operands = (call.operand("a"), call.operand("b"))
    branches = [_branch(call, operand) for operand in operands]
    if condition is None or not call.ok or any(branch is None for branch in branches):
        return None
    width: Typed | None = None
    known: int | None = None
    for value in (condition, *(b for b in branches if isinstance(b, Value))):
        number = call.number(value.width)
        if number == 1:
            continue
        if known is not None and number is not None and number != known:
            call.report(WidthsDiffer(left=known, right=number, span=call.span))
            return None
        known = number if known is None else known
        width = value.width if width is None or number is not None else width
    yes, no = branches
    node = SpecWhere(
        condition=condition.node,
        yes=yes.node if isinstance(yes, Value) else None,
        no=no.node if isinstance(no, Value) else None,
        yes_number=yes.scalar if isinstance(yes, Typed) else None,
        no_number=no.scalar if isinstance(no, Typed) else None,
        span=call.span,
    )
    return call.add(node, condition.width if width is None else width)


def _branch(call: CallReader, operand: Operand) -> Value | Typed | None:
    if isinstance(operand, Typed) and operand.is_number:
        return operand
    return call.as_value(operand)


def _value(name: str, meaning: str) -> Option:
    return Option(name=name, kind="value", meaning=meaning, positional=True)


OPERATIONS = (
    Operation(
        name="where",
        family="structure",
        options=(
            _value("c", "the condition, such as `v > 0`"),
            _value("a", "a value or a number"),
            _value("b", "a value or a number"),
        ),
        meaning="a where c is not zero, else b",
        width="that of c, a and b",
        build=_where,
    ),
    Operation(
        name="top",
        family="structure",
        options=(value_option(), size_option("n", "how many")),
        meaning="1 at the n largest elements, 0 at the others, with no gradient",
        width="that of v",
        build=standard(SpecTop, n="count"),
    ),
)
