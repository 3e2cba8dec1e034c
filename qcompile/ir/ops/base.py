"""`W`, `base_bias`, `base(v)`: the frozen module's weight and bias, and the module itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.sized_tensors import BaseWidth
from qcompile.ir.domains import Domain
from qcompile.ir.node import Dependence, Needed, NodeWork, PlainNode, UnaryNode
from qcompile.ir.operands import Typed, Value
from qcompile.ir.operation import CallReader, Operation
from qcompile.ir.scalar import Variable
from qcompile.ir.signature import value_option
from qcompile.ir.spec_node import Lowering, SpecDomain, SpecNode, UnarySpec
from qcompile.ir.verification import require


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseNode(UnaryNode):
    """W a + b: what the module gives for another value, which is in_features wide."""

    width: int

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        # As of `y`: linear in x and b together.
        if parts[0] == "other":
            return "other"
        return "linear" if parts[0] in ("zero", "linear") else "affine"

    def work(self, widths: Sequence[int]) -> NodeWork:
        return NodeWork(each=2.0 * widths[0] * self.width)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightNode(PlainNode):
    """W, a table (rows, width) of out_features rows, in_features wide."""

    rows: int
    width: int

    def domain(self, parts: Sequence[Domain]) -> Domain:
        return Domain("rows", self.rows)

    def verify(self, widths: Sequence[int]) -> Needed:
        require(self.rows >= 1, "it has no rows")
        return ()

    def work(self, widths: Sequence[int]) -> NodeWork:
        return NodeWork(peak=self.rows * self.width)


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseBiasNode(PlainNode):
    """b, (out_features,); zeros where the module has none."""

    width: int

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        return "linear"


BASE_NODES = (BaseNode, WeightNode, BaseBiasNode)
"""Those that need the module itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecBase(UnarySpec):
    """`base(v)`"""

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        sizes = lowering.module_sizes
        width = lowering.width(operand)
        if width != sizes[0]:
            lowering.refuse(BaseWidth(width=width, in_features=sizes[0], span=self.span))
        return lowering.append(BaseNode(operand=operand, width=sizes[1]), self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecWeight(SpecNode):
    """`W`"""

    def domain(self, parts: Sequence[SpecDomain]) -> SpecDomain:
        return "rows"

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        inner, outer = lowering.module_sizes
        return lowering.append(WeightNode(rows=outer, width=inner), self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecBaseBias(SpecNode):
    """`base_bias`"""

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        return lowering.append(BaseBiasNode(width=lowering.module_sizes[1]), self.span)


SPEC_BASE = (SpecBase, SpecWeight, SpecBaseBias)
"""Those that need the module itself."""


def _build(call: CallReader) -> Value | None:
    value = call.value("v")
    if value is None or not call.ok:
        return None
    scalar = Variable(name="out_features", span=call.span)
    width = Typed(type="int", scalar=scalar, span=call.span)
    return call.add(SpecBase(operand=value.node, span=call.span), width)


OPERATIONS = (
    Operation(
        name="base",
        family="structure",
        options=(value_option("a value that is `in_features` wide"),),
        meaning="what the frozen module gives for another input, its bias included",
        width="`out_features`",
        build=_build,
    ),
)
