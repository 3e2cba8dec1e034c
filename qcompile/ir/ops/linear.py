"""`linear(x, to: n)`: a trainable matrix, or one that is a value, times a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.calls import OptionsExclude
from qcompile.diagnostics.messages.sizes_of_tables import TableSize, WeightSize
from qcompile.ir.chain import Chain, MultilinearNode
from qcompile.ir.domains import FREE, Domain
from qcompile.ir.initialisation import ZERO
from qcompile.ir.node import Dependence, ElementwiseNode, Needed, NodeWork, PlainNode, of_product
from qcompile.ir.operands import Typed, Value
from qcompile.ir.operation import CallReader, Operation
from qcompile.ir.ops.lookup import LookupNode, LookupValueNode
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import FROZEN, SHARE, TO, Option, init_option, value_option
from qcompile.ir.spec_node import Lowering, SpecDomain, SpecNode, TrainableUnarySpec
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.text_values import tensor_name
from qcompile.ir.verification import VerificationError, require


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearNode(MultilinearNode):
    """W a with W = tensor of shape (width, width of a)."""

    TENSORS = ("tensor",)

    tensor: int
    width: int

    def verify(self, widths: Sequence[int]) -> Needed:
        return ((self.tensor, (self.width, widths[0])),)

    def join(self, chain: Chain) -> None:
        columns = chain.reading_axis()
        rows = chain.axis(self.width)
        chain.place(self.tensor, rows, columns)
        chain.leave(self.width, rows)

    def on_tokens(self, width: int) -> LookupNode:
        return LookupNode(operand=self.operand, tensor=self.tensor, width=self.width)

    def text(self, tensors: Sequence[TensorSpec]) -> str:
        return f"linear %{self.operand} {tensor_name(tensors[self.tensor])}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasNode(ElementwiseNode):
    """a + tensor, a trainable vector (width,)."""

    FLOPS = 1.0
    TENSORS = ("tensor",)

    tensor: int

    def verify(self, widths: Sequence[int]) -> Needed:
        ElementwiseNode.verify(self, widths)
        return ((self.tensor, (self.width,)),)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyNode(PlainNode):
    """W a, W (width, width of a) being the value of `weight`, row by row."""

    READS = ("operand", "weight")
    PRODUCT = True

    operand: int
    weight: int
    width: int

    def domain(self, parts: Sequence[Domain]) -> Domain:
        if parts[1] != FREE:
            raise VerificationError("a weight that is not one vector")
        return parts[0]

    def verify(self, widths: Sequence[int]) -> Needed:
        fits = widths[1] == self.width * widths[0]
        require(fits, "the weight has another number of elements")
        return ()

    def on_tokens(self, width: int) -> LookupValueNode:
        return LookupValueNode(operand=self.operand, weight=self.weight, width=self.width)

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        return of_product(parts)

    def work(self, widths: Sequence[int]) -> NodeWork:
        return NodeWork(each=2.0 * widths[1], backward=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMapNode(PlainNode):
    """W a, W being a table of `width` rows that are as wide as a."""

    READS = ("operand", "weight")
    PRODUCT = True

    operand: int
    weight: int
    width: int

    def domain(self, parts: Sequence[Domain]) -> Domain:
        if parts[1] != Domain("rows", self.width):
            raise VerificationError("a weight that is no table with a row for each element")
        return parts[0]

    def verify(self, widths: Sequence[int]) -> Needed:
        require(widths[1] == widths[0], "the weight's rows are not as wide as the operand")
        return ()

    def on_tokens(self, width: int) -> LookupValueNode:
        return LookupValueNode(operand=self.operand, weight=self.weight, width=self.width)

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        return of_product(parts)

    def work(self, widths: Sequence[int]) -> NodeWork:
        size = widths[0] * self.width
        return NodeWork(each=2.0 * size, backward=2, peak=size)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecLinear(TrainableUnarySpec):
    """`linear(x, to: n)`: y = W x (+ b), W: (to, width of x)."""

    to: Scalar
    bias: bool

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        width = lowering.size(self.to, "the width of a `linear`", self.span)
        weight = self.tensor(lowering, (width, lowering.width(operand)), ".weight")
        node = LinearNode(operand=operand, tensor=weight, width=width)
        result = lowering.append(node, self.span)
        if not self.bias:
            return result
        bias = self.tensor(lowering, (width,), ".bias", init=ZERO)
        return lowering.append(BiasNode(operand=result, tensor=bias, width=width), self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecApply(SpecNode):
    """`linear(x, to: n, weight: w)`: y = W x, W: (to, width of x) row by row from the value w.

    A table is W as it stands.
    """

    READS = ("operand", "weight")

    operand: int
    weight: int
    to: Scalar

    @property
    def factors(self) -> tuple[int, ...]:
        return self.operand, self.weight

    def domain(self, parts: Sequence[SpecDomain]) -> SpecDomain:
        return parts[0]

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        operand, weight = inputs
        width = lowering.size(self.to, "the width of a `linear`", self.span)
        inner, given = lowering.width(operand), lowering.width(weight)
        if lowering.domain(weight).kind == "rows":
            rows = lowering.domain(weight).rows
            if (rows, given) != (width, inner):
                lowering.refuse(
                    TableSize(width=width, inner=inner, rows=rows, given=given, span=self.span)
                )
            table = TableMapNode(operand=operand, weight=weight, width=width)
            return lowering.append(table, self.span)
        if width * inner != given:
            lowering.refuse(
                WeightSize(
                    width=width, inner=inner, needed=width * inner, given=given, span=self.span
                )
            )
        node = ApplyNode(operand=operand, weight=weight, width=width)
        return lowering.append(node, self.span)


def _build(call: CallReader) -> Value | None:
    value, to = call.value("v"), call.integer("to")
    if call.has("weight"):
        return _generated(call, value, to)
    bias, init, share = call.flag("bias"), call.init("a matrix"), call.share()
    frozen = call.flag("frozen")
    if value is None or to is None or bias is None or init is None or frozen is None or not call.ok:
        return None
    node = SpecLinear(
        operand=value.node,
        to=to.scalar,
        bias=bias,
        init=init,
        name=call.unique(),
        share=share,
        frozen=frozen,
        span=call.span,
    )
    return call.add(node, to)


def _generated(call: CallReader, value: Value | None, to: Typed | None) -> Value | None:
    """y = W v, W being a value."""
    weight = call.value("weight")
    clashes = [name for name in ("bias", "init", "share", "frozen") if call.has(name)]
    for name in clashes:
        call.report(OptionsExclude(span=call.place(name), one=name, other="weight"))
    if value is None or to is None or weight is None or clashes or not call.ok:
        return None
    if call.of_tokens(weight) and not call.expect(weight, "the `weight` of `linear`", "free"):
        return None
    node = SpecApply(operand=value.node, weight=weight.node, to=to.scalar, span=call.span)
    return call.add(node, to)


OPERATIONS = (
    Operation(
        name="linear",
        family="trainable",
        options=(
            value_option(),
            TO,
            Option(name="bias", kind="bool", default="false", meaning="whether a vector is added"),
            init_option("kaiming_uniform"),
            SHARE,
            FROZEN,
            Option(
                name="weight",
                kind="vector",
                optional=True,
                meaning="the matrix: a table, or row by row one value that does not depend on `x`,"
                " instead of trainable tensors",
            ),
        ),
        meaning="matrix times value",
        width="`to`",
        build=_build,
    ),
)
