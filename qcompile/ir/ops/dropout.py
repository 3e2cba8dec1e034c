"""`dropout(a, p)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.lowering import OutOfRangeAtSize
from qcompile.diagnostics.messages.types import OutOfRange
from qcompile.ir.node import ElementwiseNode, Needed
from qcompile.ir.operands import Value
from qcompile.ir.operation import CallReader, Operation
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import Option, value_option
from qcompile.ir.spec_node import Lowering, UnarySpec
from qcompile.ir.verification import require


@dataclass(frozen=True, slots=True, kw_only=True)
class DropoutNode(ElementwiseNode):
    """Zeroes with `probability` in training mode, scaling the rest by 1 / (1 - probability)."""

    LINEAR = True
    FLOPS = 2.0
    KEPT = 1
    DETAIL = "{node.probability!r}"

    probability: float

    def verify(self, widths: Sequence[int]) -> Needed:
        require(0.0 <= self.probability < 1.0, "the probability is not in [0, 1)")
        return ElementwiseNode.verify(self, widths)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecDropout(UnarySpec):
    """`dropout(a, p)`: zeroes with probability p in training and scales by 1 / (1 - p)."""

    probability: Scalar

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        probability = lowering.real(self.probability, "a dropout probability", self.span)
        if not 0.0 <= probability < 1.0:
            lowering.refuse(
                OutOfRangeAtSize(
                    what="a dropout probability",
                    bounds="at least 0 and below 1",
                    value=f"{probability:g}",
                    span=self.probability.span or self.span,
                )
            )
        node = DropoutNode(operand=operand, probability=probability, width=lowering.width(operand))
        return lowering.append(node, self.span)


def _build(call: CallReader) -> Value | None:
    """A probability of exactly zero adds no node."""
    value, probability = call.value("v"), call.real("p")
    if value is None or probability is None or not call.ok:
        return None
    if probability.constant == 1:
        what = "`p` of `dropout`"
        call.report(OutOfRange(span=probability.span, what=what, bounds="below 1", value=1))
        return None
    if probability.constant == 0:
        return value
    node = SpecDropout(operand=value.node, probability=probability.scalar, span=call.span)
    return call.add(node, value.width)


OPERATIONS = (
    Operation(
        name="dropout",
        family="structure",
        options=(
            value_option(),
            Option(
                name="p",
                kind="real",
                low=0,
                high=1,
                positional=True,
                meaning="probability of zero, below 1",
            ),
        ),
        meaning="zeroes elements in training and scales the others by 1 / (1 - p)",
        width="that of v",
        build=_build,
    ),
)
