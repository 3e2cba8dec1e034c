"""`concat(a, b)`, `a[i : j]`, `resize(a, n)`: values joined, cut and padded; zeros."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.lowering import SliceOutOfRange
from qcompile.ir.node import Dependence, Needed, PlainNode, UnaryNode, of_the_same
from qcompile.ir.operands import Typed, Value, integer
from qcompile.ir.operation import CallReader, Operation, standard
from qcompile.ir.ops.lookup import PickNode
from qcompile.ir.scalar import Constant, Scalar
from qcompile.ir.signature import Option, size_option, value_option
from qcompile.ir.spec_node import Lowering, ManyOperandsSpec, UnarySpec
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verification import require

MOST_PARTS = 100
"""Terms of the formula for a width that elaboration writes out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroNode(PlainNode):
    """Exact zeros, broadcast over tokens."""

    width: int

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        return "zero"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcatNode(PlainNode):
    """Concatenation along the last axis."""

    READS = ("operands",)

    operands: tuple[int, ...]
    width: int

    def verify(self, widths: Sequence[int]) -> Needed:
        fits = bool(widths) and sum(widths) == self.width
        require(fits, "the operands' widths do not add up")
        return ()

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        return of_the_same(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceNode(UnaryNode):
    """a[…, start : start + width]."""

    LINEAR = True
    VIEW = True

    start: int
    width: int

    @property
    def label(self) -> str:
        return f"slice {self.start}:{self.start + self.width}"

    def words(self, tensors: Sequence[TensorSpec]) -> str:
        return self.label

    def on_tokens(self, width: int) -> PickNode:
        places = tuple(range(self.start, self.start + self.width))
        return PickNode(operand=self.operand, places=places)

    def verify(self, widths: Sequence[int]) -> Needed:
        inside = self.start >= 0 and self.start + self.width <= widths[0]
        require(inside, "it reaches beyond its operand")
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastNode(UnaryNode):
    """A value of width 1, `width` times."""

    LINEAR = True

    width: int

    def verify(self, widths: Sequence[int]) -> Needed:
        require(widths[0] == 1, "its operand is not of width 1")
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecConcat(ManyOperandsSpec):
    """`concat(a, b, …)` along the feature axis."""

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        width = sum(lowering.width(index) for index in inputs)
        return lowering.append(ConcatNode(operands=inputs, width=width), self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecSlice(UnarySpec):
    """`a[start : stop]` along the feature axis; None: from the start, to the end. Half-open."""

    start: Scalar | None
    stop: Scalar | None

    @property
    def identity_at_start(self) -> bool:
        return self.start is None or (isinstance(self.start, Constant) and self.start.value == 0)

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        width = lowering.width(operand)
        start, stop = 0, width
        if self.start is not None:
            start = lowering.integer(self.start, "an index", self.span)
        if self.stop is not None:
            stop = lowering.integer(self.stop, "an index", self.span)
        if not 0 <= start < stop <= width:
            lowering.refuse(SliceOutOfRange(start=start, stop=stop, width=width, span=self.span))
        node = SliceNode(operand=operand, start=start, width=stop - start)
        return lowering.append(node, self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecResize(UnarySpec):
    """`resize(a, n)`: the first n elements, or all of them and zeros behind."""

    to: Scalar

    @property
    def identity_at_start(self) -> bool:
        return True

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        width = lowering.size(self.to, "the width of a `resize`", self.span)
        missing = width - lowering.width(operand)
        if missing == 0:
            return operand
        if missing < 0:
            cut = SliceNode(operand=operand, start=0, width=width)
            return lowering.append(cut, self.span)
        zeros = lowering.append(ZeroNode(width=missing), self.span)
        return lowering.append(ConcatNode(operands=(operand, zeros), width=width), self.span)


def _concat(call: CallReader) -> Value | None:
    values = call.values()
    if values is None or not call.ok:
        return None
    width: Typed | None = integer(0, call.span)
    for value in values:
        if width is None or value.width is None or width.parts + value.width.parts > MOST_PARTS:
            width = None
            break
        width = call.combine("+", width, value.width)
    node = SpecConcat(operands=tuple(value.node for value in values), span=call.span)
    return call.add(node, width)


OPERATIONS = (
    Operation(
        name="concat",
        family="structure",
        options=(Option(name="v", kind="values", positional=True, meaning="values in order"),),
        meaning="values side by side",
        width="the sum of the widths",
        build=_concat,
    ),
    Operation(
        name="resize",
        family="structure",
        options=(value_option(), size_option("n", "its width")),
        meaning="the first n elements, or all of them and zeros behind",
        width="`n`",
        build=standard(SpecResize, width="n", n="to"),
    ),
)
