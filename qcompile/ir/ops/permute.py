"""`permute(v, modes: …, axes: …)`: the elements of a value in another order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.sized_tensors import AxesAtSize, ModesDoNotFill
from qcompile.diagnostics.messages.tensors import AxesNotAPermutation
from qcompile.ir.chain import extents_text
from qcompile.ir.limits import MAX_GATE_SITES, MAX_WIDTH
from qcompile.ir.node import ElementwiseNode, Needed
from qcompile.ir.operands import Value
from qcompile.ir.operation import CallReader, Operation
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import Option, value_option
from qcompile.ir.spec_node import Lowering, UnarySpec
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verification import require


@dataclass(frozen=True, slots=True, kw_only=True)
class PermuteNode(ElementwiseNode):
    """The value as a tensor of these modes, row-major, with its axes in another order.

    Axis k of the result is axis `axes[k]` of the value, as in `torch.permute`.
    """

    LINEAR = True

    modes: tuple[int, ...]
    axes: tuple[int, ...]

    def verify(self, widths: Sequence[int]) -> Needed:
        require(all(mode >= 1 for mode in self.modes), "a mode below 1")
        require(math.prod(self.modes) == self.width, "the modes do not fill the value")
        require(is_permutation(self.axes, len(self.modes)), "the axes are no permutation")
        return ElementwiseNode.verify(self, widths)

    @property
    def label(self) -> str:
        axes = ", ".join(map(str, self.axes))
        return f"permute {extents_text(self.modes)} to ({axes})"

    def words(self, tensors: Sequence[TensorSpec]) -> str:
        return self.label


def is_permutation(axes: Sequence[int], count: int) -> bool:
    """Whether every axis below `count` is there once."""
    return sorted(axes) == list(range(count))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecPermute(UnarySpec):
    """`permute(v, modes: [ … ], axes: [ … ])`"""

    modes: tuple[Scalar, ...]
    axes: tuple[Scalar, ...]

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        width = lowering.width(operand)
        modes = tuple(lowering.integer(mode, "a mode", self.span, low=1) for mode in self.modes)
        axes = tuple(lowering.integer(axis, "an axis", self.span) for axis in self.axes)
        if math.prod(modes) != width:
            product = math.prod(modes)
            lowering.refuse(
                ModesDoNotFill(modes=modes, product=product, width=width, span=self.span)
            )
        if not is_permutation(axes, len(modes)):
            lowering.refuse(AxesAtSize(axes=axes, count=len(modes), span=self.span))
        node = PermuteNode(operand=operand, modes=modes, axes=axes, width=width)
        return lowering.append(node, self.span)


def _build(call: CallReader) -> Value | None:
    value, modes, axes = call.value("v"), call.integers("modes"), call.integers("axes")
    if value is None or modes is None or axes is None or not call.ok:
        return None
    known = [call.number(axis) for axis in axes]
    numbers = [axis for axis in known if axis is not None]
    short = len(axes) != len(modes)
    if short or (len(numbers) == len(known) and not is_permutation(numbers, len(modes))):
        place = call.place("axes")
        call.report(AxesNotAPermutation(count=len(modes), last=len(modes) - 1, span=place))
        return None
    node = SpecPermute(
        operand=value.node,
        modes=tuple(mode.scalar for mode in modes),
        axes=tuple(axis.scalar for axis in axes),
        span=call.span,
    )
    return call.add(node, value.width)


OPERATIONS = (
    Operation(
        name="permute",
        family="structure",
        options=(
            value_option(),
            Option(
                name="modes",
                kind="ints",
                low=1,
                high=MAX_WIDTH,
                meaning="extents of the axes; their product is the width",
            ),
            Option(
                name="axes",
                kind="ints",
                low=0,
                high=MAX_GATE_SITES,
                meaning="the axes of the value in their new order, from 0",
            ),
        ),
        meaning="the value as a tensor with its axes in another order: a permutation",
        width="that of v",
        build=_build,
    ),
)
