"""QA316x: concrete sizes of tables and of generated matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.sized import SizedMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsDoNotDivide(SizedMessage):
    """A value that cannot be cut into equal rows."""

    code: ClassVar[str] = "QA3161"
    title: ClassVar[str] = "a value {width} wide cannot be cut into {rows} equal rows"
    label: ClassVar[str] = "{width} is no multiple of {rows}"
    explanation: ClassVar[str] = """
    `rows(v, n)` cuts a value into n rows of the same width.

    Erroneous:  u = flat(rows(vector(10), 4))
    Corrected:  u = flat(rows(vector(12), 4))
    """

    width: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsDiffer(SizedMessage):
    """Tables of different lengths that are computed with together."""

    code: ClassVar[str] = "QA3162"
    title: ClassVar[str] = "tables of {rows} rows do not go together"
    label: ClassVar[str] = "combines them"
    explanation: ClassVar[str] = """
    What is computed from several tables has a value for each row, so they must have the same
    number of rows. So must the keys and values of a `prefix`.

    Erroneous:  u = flat(concat(bits(3), table(4, 2)))
    Corrected:  u = flat(concat(bits(3), table(8, 2)))
    """

    rows: str
    """Such as "4 and 8"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightSize(SizedMessage):
    """A generated matrix with the wrong number of elements."""

    code: ClassVar[str] = "QA3163"
    title: ClassVar[str] = "a matrix {width} x {inner} has {needed} elements, not {given}"
    label: ClassVar[str] = "its `weight` has {given}"
    explanation: ClassVar[str] = """
    `linear(v, to: n, weight: w)` reads w as the rows of a matrix with as many columns as v is
    wide, so w must have n times the width of v elements. Slices cut a longer value.

    Erroneous:  h = linear(x, to: 4, weight: vector(4))
    Corrected:  h = linear(x, to: 4, weight: vector(4 * in_features))
    """

    width: int
    inner: int
    given: int
    needed: int
