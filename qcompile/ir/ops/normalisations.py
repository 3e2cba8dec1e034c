"""`softmax(v)`, `layer_norm(v)`, `rms_norm(v)`: elements that depend on all of their value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from qcompile.diagnostics.messages.lowering import OutOfRangeAtSize
from qcompile.ir.added_later import ADDED_LATER
from qcompile.ir.groups import (
    GROUPS,
    ONE,
    check_groups,
    group_words,
    lowered_groups,
)
from qcompile.ir.machine import ELEMENTARY_FUNCTION
from qcompile.ir.node import ElementwiseNode, Needed
from qcompile.ir.operation import Operation, standard
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import Option, value_option
from qcompile.ir.spec_node import Lowering, UnarySpec
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verification import require


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedNode(ElementwiseNode):
    """A node that acts on each of `groups` equal parts of its operand."""

    groups: int = field(default=1, metadata=ADDED_LATER)

    def verify(self, widths: Sequence[int]) -> Needed:
        check_groups(self.groups, widths[0])
        return ElementwiseNode.verify(self, widths)

    def words(self, tensors: Sequence[TensorSpec]) -> str:
        return group_words(ElementwiseNode.words(self, tensors), self.groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftmaxNode(GroupedNode):
    """e^a over the sum of all e^a."""

    FLOPS = ELEMENTARY_FUNCTION + 3.0
    BACKWARD = 0.5
    KEPT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardiseNode(GroupedNode):
    """a / √(mean(a²) + eps), of a less its mean where `centred`."""

    FLOPS = 5.0
    BACKWARD = 2.0
    SAVES = True
    ZERO_AT_ZERO = True
    DETAIL = "{node.eps!r} centred {node.centred}"

    centred: bool
    eps: float

    def verify(self, widths: Sequence[int]) -> Needed:
        require(math.isfinite(self.eps) and self.eps > 0, "eps is not positive")
        return GroupedNode.verify(self, widths)

    @property
    def label(self) -> str:
        return "layer norm" if self.centred else "rms norm"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecSoftmax(UnarySpec):
    """`softmax(v, groups: n)`"""

    groups: Scalar = field(default=ONE, metadata=ADDED_LATER)

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        groups = lowered_groups(self.groups, operand, lowering, self.span)
        node = SoftmaxNode(operand=operand, width=lowering.width(operand), groups=groups)
        return lowering.append(node, self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecStandardise(UnarySpec):
    """`rms_norm(v, eps: e, groups: n)`"""

    eps: Scalar
    groups: Scalar = field(default=ONE, metadata=ADDED_LATER)

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        return _standardised(self, inputs, lowering, centred=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecLayerNorm(SpecStandardise):
    """`layer_norm(v, eps: e, groups: n)`"""

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        return _standardised(self, inputs, lowering, centred=True)


def _standardised(
    spec: SpecStandardise, inputs: tuple[int, ...], lowering: Lowering, *, centred: bool
) -> int:
    (operand,) = inputs
    eps = lowering.real(spec.eps, "eps", spec.span)
    if eps <= 0:
        span = spec.eps.span or spec.span
        lowering.refuse(
            OutOfRangeAtSize(what="`eps`", bounds="above 0", value=f"{eps:g}", span=span)
        )
    width = lowering.width(operand)
    groups = lowered_groups(spec.groups, operand, lowering, spec.span)
    node = StandardiseNode(operand=operand, centred=centred, eps=eps, width=width, groups=groups)
    return lowering.append(node, spec.span)


def _eps(default: str) -> Option:
    return Option(
        name="eps", kind="real", low=0, default=default, meaning="added to the mean of the squares"
    )


OPERATIONS = (
    Operation(
        name="softmax",
        family="structure",
        options=(value_option(), GROUPS),
        meaning="e^v over the sum of all e^v: weights that add up to 1",
        width="that of v",
        build=standard(SpecSoftmax),
    ),
    Operation(
        name="layer_norm",
        family="structure",
        options=(value_option(), _eps("1e-5"), GROUPS),
        meaning="v less its mean, over the root of its variance",
        width="that of v",
        build=standard(SpecLayerNorm),
    ),
    Operation(
        name="rms_norm",
        family="structure",
        options=(value_option(), _eps("1e-6"), GROUPS),
        meaning="v over the root of the mean of its squares",
        width="that of v",
        build=standard(SpecStandardise),
    ),
)
