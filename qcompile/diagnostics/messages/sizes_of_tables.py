"""QA316x: concrete sizes of tables and of generated matrices."""

from __future__ import annotations

from qcompile.diagnostics.message import message
from qcompile.diagnostics.sized import SizedMessage


@message(
    "QA3161",
    "a value {width} wide cannot be cut into {rows} equal rows",
    label="{width} is no multiple of {rows}",
)
class RowsDoNotDivide(SizedMessage):
    """`rows(v, n)` cuts a value into n rows of the same width.

    Erroneous:  u = flat(rows(vector(10), 4))
    Corrected:  u = flat(rows(vector(12), 4))
    """

    width: int
    rows: int


@message("QA3162", "tables of {rows} rows cannot be combined", label="combines them")
class RowsDiffer(SizedMessage):
    """What is computed from several tables has a value for each row, so they must have the same
    number of rows. So must the keys and values of a `prefix`.

    Erroneous:  u = flat(concat(bits(3), table(4, 2)))
    Corrected:  u = flat(concat(bits(3), table(8, 2)))
    """

    rows: str
    """Such as "4 and 8"."""


@message(
    "QA3163",
    "a matrix {width} x {inner} has {needed} elements, not {given}",
    label="its `weight` has {given}",
)
class WeightSize(SizedMessage):
    """`linear(v, to: n, weight: w)` reads w as the rows of a matrix with as many columns as v is
    wide, so w must have n times the width of v elements. Slices cut a longer value.

    Erroneous:  h = linear(x, to: 4, weight: vector(4))
    Corrected:  h = linear(x, to: 4, weight: vector(4 * in_features))
    """

    width: int
    inner: int
    given: int
    needed: int


@message(
    "QA3164",
    "a matrix {width} x {inner} needs a table of {width} rows, each {inner} wide",
    label="its `weight` has {rows} rows, each {given} wide",
)
class TableSize(SizedMessage):
    """A table that is the `weight` of a `linear` has one row for each element of the result, as
    wide as the argument. `transpose` turns a table over.

    Erroneous:  h = linear(x, to: 4, weight: table(in_features, 4))
    Corrected:  h = linear(x, to: 4, weight: table(4, in_features))
    """

    width: int
    inner: int
    rows: int
    given: int


@message(
    "QA3165",
    "{count} elements do not fit into a table of {rows} rows, each {width} wide",
    label="{count} elements",
)
class TooFewPlaces(SizedMessage):
    """`scatter(v, rows, n)` gives every element of v a place of its own in the table.

    Erroneous:  u = flat(scatter(vector(64), 4, 8))
    Corrected:  u = flat(scatter(vector(32), 4, 8))
    """

    count: int
    rows: int
    width: int


@message(
    "QA3166",
    "there is no compound of order {order} of a table {rows} x {width}: {reason}",
    label="{rows} x {width}",
)
class MinorsImpossible(SizedMessage):
    """`compound(t, order: k)` has the determinants of all k × k parts of t: (m over k) rows of
    (n over k) for a table of m rows that is n wide. They are few enough to be kept.

    Erroneous:  u = flat(compound(table(2, 6), order: 3))
    Corrected:  u = flat(compound(table(4, 6), order: 3))
    """

    order: int
    rows: int
    width: int
    reason: str
