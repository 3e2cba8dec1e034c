"""Tables: values with rows, the same for every token."""

from __future__ import annotations

from qcompile.grammar.elaborate.arguments import Bound
from qcompile.grammar.elaborate.inits import NORMAL, read_init
from qcompile.grammar.elaborate.operands import Value
from qcompile.grammar.elaborate.scalars import combine
from qcompile.grammar.elaborate.values import graph_of
from qcompile.grammar.functions import VECTOR_INITS
from qcompile.ir.spec import SpecBits, SpecFlat, SpecRows, SpecTable


def table(bound: Bound, label: str) -> Value | None:
    """A trainable matrix, row by row."""
    graph = graph_of(bound)
    if graph is None:
        return None
    count = bound.integer("rows")
    size = bound.integer("n")
    init = NORMAL
    if bound.has("init"):
        given = read_init(bound.frame, bound.given["init"], "a table", VECTOR_INITS)
        if given is None:
            return None
        init = given
    share = bound.text("share")
    graph.share(share, "table", bound.span)
    if count is None or size is None or not bound.ok:
        return None
    node = SpecTable(
        rows=count.scalar,
        size=size.scalar,
        init=init,
        name=graph.unique(label),
        share=share,
        span=bound.span,
    )
    return graph.add(node, size, bound.span)


def bits(bound: Bound) -> Value | None:
    """All binary numbers of n digits."""
    graph = graph_of(bound)
    digits = bound.integer("n")
    if graph is None or digits is None or not bound.ok:
        return None
    return graph.add(SpecBits(digits=digits.scalar, span=bound.span), digits, bound.span)


def rows(bound: Bound) -> Value | None:
    """A value as a table."""
    graph = graph_of(bound)
    if graph is None:
        return None
    value = bound.value("v")
    count = bound.integer("n")
    if value is None or count is None or not bound.ok:
        return None
    if not graph.expect(value, "the argument of `rows`", "free"):
        return None
    width = None
    if value.width is not None:
        width = combine(bound.frame.session, "//", (value.width, count), bound.span)
    node = SpecRows(operand=value.node, count=count.scalar, span=bound.span)
    return graph.add(node, width, bound.span)


def flat(bound: Bound) -> Value | None:
    """A table as one vector; its width is known when it is lowered."""
    graph = graph_of(bound)
    if graph is None:
        return None
    value = bound.value("v")
    if value is None or not bound.ok:
        return None
    if not graph.expect(value, "the argument of `flat`", "rows"):
        return None
    return graph.add(SpecFlat(operand=value.node, span=bound.span), None, bound.span)
