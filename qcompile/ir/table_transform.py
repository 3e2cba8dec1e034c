"""What transforms of tables along both axes have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from qcompile.ir.domains import Domain
from qcompile.ir.node import ElementwiseNode
from qcompile.ir.operands import Value
from qcompile.ir.operation import CallReader, Operation
from qcompile.ir.signature import value_option
from qcompile.ir.spec_node import Lowering, UnarySpec
from qcompile.ir.verification import VerificationError


@dataclass(frozen=True, slots=True, kw_only=True)
class TableTransformNode(ElementwiseNode):
    """A linear map of a table, (rows, width), to one of the same shape."""

    LINEAR = True

    rows: int

    def domain(self, parts: Sequence[Domain]) -> Domain:
        if parts[0] != Domain("rows", self.rows):
            raise VerificationError("what is transformed is no table with as many rows")
        return parts[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecTableTransform(UnarySpec):
    """The call of a transform."""

    NODE: ClassVar[type[TableTransformNode]]

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        rows, width = lowering.domain(operand).rows, lowering.width(operand)
        return lowering.append(self.NODE(operand=operand, rows=rows, width=width), self.span)


def transform_operation(name: str, meaning: str, spec: type[SpecTableTransform]) -> Operation:
    """`name(t)` for a table t."""

    def build(call: CallReader) -> Value | None:
        value, what = call.value("v"), f"the argument of `{name}`"
        if value is None or not call.ok or not call.expect(value, what, "rows"):
            return None
        return call.add(spec(operand=value.node, span=call.span), value.width)

    return Operation(
        name=name,
        family="table",
        options=(value_option("a table"),),
        meaning=meaning,
        width="that of v, a table",
        build=build,
    )
