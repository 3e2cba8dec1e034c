"""`sum(v)`, `mean(v)`, `norm(v)`: one number for each token, or for each row of a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from qcompile.ir.added_later import ADDED_LATER
from qcompile.ir.groups import (
    GROUPS,
    ONE,
    check_groups,
    group_words,
    lowered_groups,
)
from qcompile.ir.node import Needed, NodeWork, UnaryNode
from qcompile.ir.operands import Value
from qcompile.ir.operation import CallReader, Operation, standard
from qcompile.ir.ops.arithmetic import ScaleNode
from qcompile.ir.ops.circuit_data import FoldNode, NormNode
from qcompile.ir.ops.widths import ConcatNode, ZeroNode
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import size_option, value_option
from qcompile.ir.spec_node import Lowering, UnarySpec
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verification import require

ReductionKind = Literal["sum", "mean", "norm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReduceNode(UnaryNode):
    """The sum along the last axis, of each of `width` equal parts."""

    LINEAR = True

    width: int = 1

    def verify(self, widths: Sequence[int]) -> Needed:
        check_groups(self.width, widths[0])
        return ()

    def words(self, tensors: Sequence[TensorSpec]) -> str:
        return group_words(self.mnemonic, self.width)

    def work(self, widths: Sequence[int]) -> NodeWork:
        return NodeWork(each=float(widths[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecReduction(UnarySpec):
    """`sum(v, groups: n)`, `mean(v)`, `norm(v)`"""

    kind: ReductionKind
    groups: Scalar = field(default=ONE, metadata=ADDED_LATER)

    def verify(self) -> None:
        require(self.kind in get_args(ReductionKind), f"`{self.kind}` is no reduction")

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        groups = lowered_groups(self.groups, operand, lowering, self.span)
        if self.kind == "norm":
            return lowering.append(NormNode(operand=operand, width=groups), self.span)
        total = lowering.append(ReduceNode(operand=operand, width=groups), self.span)
        if self.kind == "sum":
            return total
        factor = groups / lowering.width(operand)
        return lowering.append(ScaleNode(operand=total, factor=factor, width=groups), self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecFold(UnarySpec):
    """`fold(v, n)`: the sum of v's chunks of n elements, the last one zero-padded."""

    to: Scalar

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        width = lowering.size(self.to, "the width of a `fold`", self.span)
        given = lowering.width(operand)
        missing = -given % width
        if missing:
            zeros = lowering.append(ZeroNode(width=missing), self.span)
            padded = ConcatNode(operands=(operand, zeros), width=given + missing)
            operand = lowering.append(padded, self.span)
        chunks = (given + missing) // width
        if chunks == 1:
            return operand
        # The node divides by the root of their number.
        mean = lowering.append(FoldNode(operand=operand, width=width), self.span)
        node = ScaleNode(operand=mean, factor=math.sqrt(chunks), width=width)
        return lowering.append(node, self.span)


def _built(kind: ReductionKind) -> Callable[[CallReader], Value | None]:
    def build(call: CallReader) -> Value | None:
        value, groups = call.value("v"), call.integer("groups")
        if value is None or groups is None or not call.ok:
            return None
        node = SpecReduction(operand=value.node, kind=kind, groups=groups.scalar, span=call.span)
        return call.add(node, groups)

    return build


_MEANINGS: dict[ReductionKind, str] = {
    "sum": "the sum of all elements",
    "mean": "their mean",
    "norm": "the square root of the sum of their squares; its gradient at 0 is 0",
}

_REDUCTIONS = tuple(
    Operation(
        name=kind,
        family="structure",
        options=(value_option(), GROUPS),
        meaning=meaning,
        width="`groups`",
        build=_built(kind),
    )
    for kind, meaning in _MEANINGS.items()
)

OPERATIONS = (
    *_REDUCTIONS,
    Operation(
        name="fold",
        family="structure",
        options=(value_option(), size_option("n", "width of a chunk")),
        meaning="the sum of v's chunks of n elements, the last one zero-padded",
        width="`n`",
        build=standard(SpecFold, width="n", n="to"),
    ),
)
