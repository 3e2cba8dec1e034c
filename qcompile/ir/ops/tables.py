"""Vectors and tables: values that are the same for every token, and their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.sizes_of_tables import RowsDoNotDivide
from qcompile.ir.domains import FREE, Domain
from qcompile.ir.limits import MAX_DIGITS
from qcompile.ir.node import Needed, PlainNode, UnaryNode
from qcompile.ir.operands import Value
from qcompile.ir.operation import CallReader, Operation, standard
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import (
    FROZEN,
    ONE_TENSOR_INITS,
    SHARE,
    init_option,
    size_option,
    value_option,
)
from qcompile.ir.spec_node import Lowering, SpecDomain, SpecNode, TrainableSpec, UnarySpec
from qcompile.ir.verification import VerificationError, require


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorNode(PlainNode):
    """A trainable vector, broadcast over tokens; its value is (width,)."""

    TENSORS = ("tensor",)

    tensor: int
    width: int

    def verify(self, widths: Sequence[int]) -> Needed:
        return ((self.tensor, (self.width,)),)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableNode(PlainNode):
    """A trainable matrix (rows, width)."""

    TENSORS = ("tensor",)

    tensor: int
    rows: int
    width: int

    def domain(self, parts: Sequence[Domain]) -> Domain:
        return Domain("rows", self.rows)

    def verify(self, widths: Sequence[int]) -> Needed:
        require(self.rows >= 1, "it has no rows")
        return ((self.tensor, (self.rows, self.width)),)


@dataclass(frozen=True, slots=True, kw_only=True)
class BitsNode(PlainNode):
    """The table of all numbers of `width` binary digits: (2^width, width) of 0 and 1."""

    width: int

    @property
    def rows(self) -> int:
        return int(2**self.width)

    def domain(self, parts: Sequence[Domain]) -> Domain:
        return Domain("rows", self.rows)

    def verify(self, widths: Sequence[int]) -> Needed:
        require(self.width <= MAX_DIGITS, f"more than {MAX_DIGITS} digits")
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsNode(UnaryNode):
    """(rows · width,) as a table (rows, width)."""

    LINEAR = True
    DETAIL = "{node.rows}"

    rows: int
    width: int

    def domain(self, parts: Sequence[Domain]) -> Domain:
        if parts[0] != FREE:
            raise VerificationError("rows of a value that is not one vector")
        return Domain("rows", self.rows)

    def verify(self, widths: Sequence[int]) -> Needed:
        fits = self.rows >= 1 and self.rows * self.width == widths[0]
        require(fits, "the rows do not fill the operand")
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatNode(UnaryNode):
    """A table as one vector, (rows · width of the operand,)."""

    LINEAR = True

    width: int

    def domain(self, parts: Sequence[Domain]) -> Domain:
        if parts[0].kind != "rows":
            raise VerificationError("a value that is no table made flat")
        return FREE


@dataclass(frozen=True, slots=True, kw_only=True)
class TransposeNode(UnaryNode):
    """A table (width, rows) as the table (rows, width)."""

    LINEAR = True

    rows: int
    width: int

    def domain(self, parts: Sequence[Domain]) -> Domain:
        if parts[0] != Domain("rows", self.width):
            raise VerificationError("what is transposed is no table with as many rows as that")
        return Domain("rows", self.rows)

    def verify(self, widths: Sequence[int]) -> Needed:
        require(self.rows == widths[0], "it has not as many rows as its operand is wide")
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecVector(TrainableSpec):
    """`vector(n, init: …)`: a trainable vector, the same for every token."""

    size: Scalar

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        width = lowering.size(self.size, "the size of a `vector`", self.span)
        tensor = self.tensor(lowering, (width,))
        return lowering.append(VectorNode(tensor=tensor, width=width), self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecTable(TrainableSpec):
    """`table(rows, width, init: …)`: a trainable matrix, row by row."""

    rows: Scalar
    size: Scalar

    def domain(self, parts: Sequence[SpecDomain]) -> SpecDomain:
        return "rows"

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        rows = lowering.size(self.rows, "the number of rows", self.span)
        width = lowering.size(self.size, "the width of a `table`", self.span)
        tensor = self.tensor(lowering, (rows, width))
        return lowering.append(TableNode(tensor=tensor, rows=rows, width=width), self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecBits(SpecNode):
    """`bits(n)`: all numbers of n binary digits, one a row, the first digit most significant."""

    digits: Scalar

    def domain(self, parts: Sequence[SpecDomain]) -> SpecDomain:
        return "rows"

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        what = "the number of digits"
        digits = lowering.integer(self.digits, what, self.span, low=1, high=MAX_DIGITS)
        return lowering.append(BitsNode(width=digits), self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecRows(UnarySpec):
    """`rows(v, n)`: a value that is the same for every token, cut into n rows."""

    count: Scalar

    def domain(self, parts: Sequence[SpecDomain]) -> SpecDomain:
        return "rows"

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        rows = lowering.size(self.count, "the number of rows", self.span)
        total = lowering.width(operand)
        if total % rows:
            lowering.refuse(RowsDoNotDivide(width=total, rows=rows, span=self.span))
        node = RowsNode(operand=operand, rows=rows, width=total // rows)
        return lowering.append(node, self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecFlat(UnarySpec):
    """`flat(t)`: the rows of a table, one after the other."""

    def domain(self, parts: Sequence[SpecDomain]) -> SpecDomain:
        return "free"

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        width = lowering.domain(operand).rows * lowering.width(operand)
        return lowering.append(FlatNode(operand=operand, width=width), self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecTranspose(UnarySpec):
    """`transpose(t)`: a row for each column."""

    def domain(self, parts: Sequence[SpecDomain]) -> SpecDomain:
        return "rows"

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        rows, width = lowering.width(operand), lowering.domain(operand).rows
        node = TransposeNode(operand=operand, rows=rows, width=width)
        return lowering.append(node, self.span)


def _rows(call: CallReader) -> Value | None:
    value, count = call.value("v"), call.integer("n")
    if value is None or count is None or not call.ok:
        return None
    if not call.expect(value, "the argument of `rows`", "free"):
        return None
    width = None if value.width is None else call.combine("//", value.width, count)
    return call.add(SpecRows(operand=value.node, count=count.scalar, span=call.span), width)


def _flat(call: CallReader) -> Value | None:
    """Its width is known when it is lowered."""
    value = call.value("v")
    if value is None or not call.ok or not call.expect(value, "the argument of `flat`", "rows"):
        return None
    return call.add(SpecFlat(operand=value.node, span=call.span), None)


def _transpose(call: CallReader) -> Value | None:
    """Its width is known when it is lowered."""
    value = call.value("v")
    if value is None or not call.ok:
        return None
    if not call.expect(value, "the argument of `transpose`", "rows"):
        return None
    return call.add(SpecTranspose(operand=value.node, span=call.span), None)


OPERATIONS = (
    Operation(
        name="vector",
        family="trainable",
        options=(
            size_option("n", "its width"),
            init_option("normal", ONE_TENSOR_INITS),
            SHARE,
            FROZEN,
        ),
        meaning="a trainable vector, the same for every token",
        width="`n`",
        build=standard(SpecVector, width="n", what="a vector", n="size"),
    ),
    Operation(
        name="table",
        family="trainable",
        options=(
            size_option("rows", "number of rows"),
            size_option("n", "their width"),
            init_option("normal"),
            SHARE,
            FROZEN,
        ),
        meaning="a trainable table, the same for every token",
        width="`n`, a table",
        build=standard(SpecTable, width="n", what="a table", n="size"),
    ),
    Operation(
        name="bits",
        family="table",
        options=(size_option("n", "number of binary digits", MAX_DIGITS),),
        meaning="all 2^n numbers of n binary digits, each a row of 0 and 1, in order",
        width="`n`, a table",
        build=standard(SpecBits, width="n", n="digits"),
    ),
    Operation(
        name="rows",
        family="table",
        options=(
            value_option("a value that does not depend on `x`"),
            size_option("n", "number of rows"),
        ),
        meaning="a value cut into n rows",
        width="that of v divided by n, a table",
        build=_rows,
    ),
    Operation(
        name="flat",
        family="table",
        options=(value_option("a table"),),
        meaning="the rows of a table, one after the other",
        width="rows times width of the table",
        build=_flat,
    ),
    Operation(
        name="transpose",
        family="table",
        options=(value_option("a table"),),
        meaning="a table with a row for each column",
        width="as many as the table has rows, a table",
        build=_transpose,
    ),
)
