"""The functions that make nodes of the graph."""

from __future__ import annotations

from typing import cast

from qcompile.diagnostics.messages.calls import MissingArgument, OptionsExclude
from qcompile.diagnostics.messages.types import Misplaced, OutOfRange
from qcompile.diagnostics.messages.values import ModesTooSmall, WrongLength
from qcompile.grammar.elaborate.arguments import Bound
from qcompile.grammar.elaborate.expect import as_value
from qcompile.grammar.elaborate.graph import GraphBuilder
from qcompile.grammar.elaborate.inits import KAIMING_NORMAL, KAIMING_UNIFORM, NORMAL, read_init
from qcompile.grammar.elaborate.operands import Operand, Typed, Value, integer
from qcompile.grammar.elaborate.scalars import combine
from qcompile.grammar.functions import MPO_INITS, VECTOR_INITS
from qcompile.ir.initialisation import Init
from qcompile.ir.limits import MAX_SITES
from qcompile.ir.scalar import Scalar
from qcompile.ir.spec import (
    ActivationKind,
    SpecActivation,
    SpecApply,
    SpecConcat,
    SpecDropout,
    SpecLinear,
    SpecMpo,
    SpecResize,
    SpecVector,
)


def graph_of(bound: Bound) -> GraphBuilder | None:
    """Return the graph, or report that there is none here."""
    graph = bound.frame.graph
    if graph is None:
        bound.frame.report(
            Misplaced(
                span=bound.span,
                form=f"a call of `{bound.function.name}`",
                what="the expression",
                expected="a number, a truth value or a text",
            )
        )
    return graph


def init_of(bound: Bound, default: Init, what: str, possible: tuple[str, ...] = ()) -> Init | None:
    """Return how the tensors start."""
    if not bound.has("init"):
        return default
    return read_init(bound.frame, bound.given["init"], what, possible)


def share_of(bound: Bound, graph: GraphBuilder) -> str | None:
    """Return the share key, which is noted."""
    key = bound.text("share")
    graph.share(key, bound.function.name, bound.span)
    return key


def linear(bound: Bound, label: str) -> Value | None:
    """y = W v (+ b), W: (to, width of v)."""
    graph = graph_of(bound)
    if graph is None:
        return None
    value = bound.value("v")
    to = bound.integer("to")
    if bound.has("weight"):
        return _generated(bound, graph, value, to)
    bias = bound.flag("bias", False)
    init = init_of(bound, KAIMING_UNIFORM, "a matrix")
    share = share_of(bound, graph)
    if value is None or to is None or bias is None or init is None or not bound.ok:
        return None
    node = SpecLinear(
        operand=value.node,
        to=to.scalar,
        bias=bias,
        init=init,
        name=graph.unique(label),
        share=share,
        span=bound.span,
    )
    return graph.add(node, to, bound.span)


def _generated(
    bound: Bound, graph: GraphBuilder, value: Value | None, to: Typed | None
) -> Value | None:
    """y = W v, W being a value."""
    weight = bound.value("weight")
    clashes = [name for name in ("bias", "init", "share") if bound.has(name)]
    for name in clashes:
        place = bound.given[name].span
        bound.frame.report(OptionsExclude(span=place, one=name, other="weight"))
    if value is None or to is None or weight is None or clashes or not bound.ok:
        return None
    if not graph.expect(weight, "the `weight` of `linear`", "free"):
        return None
    node = SpecApply(operand=value.node, weight=weight.node, to=to.scalar, span=bound.span)
    return graph.add(node, to, bound.span)


def mpo(bound: Bound, label: str) -> Value | None:
    """A matrix product operator; see `SpecMpo`."""
    graph = graph_of(bound)
    if graph is None:
        return None
    value = bound.value("v")
    to = bound.integer("to")
    sites = bound.integer("sites")
    in_modes = bound.integers("in_modes") if bound.has("in_modes") else None
    out_modes = bound.integers("out_modes") if bound.has("out_modes") else None
    bonds = _bonds(bound)
    init = init_of(bound, KAIMING_NORMAL, "an MPO", MPO_INITS)
    share = share_of(bound, graph)
    if value is None or to is None or bonds is None or init is None or not bound.ok:
        return None
    given = {"sites": sites, "in_modes": in_modes, "out_modes": out_modes}
    if any(bound.has(name) and found is None for name, found in given.items()):
        return None
    if not _consistent(bound, graph, value, to, sites, in_modes, out_modes, bonds):
        return None
    node = SpecMpo(
        operand=value.node,
        to=to.scalar,
        sites=None if sites is None else sites.scalar,
        in_modes=scalars_of(in_modes),
        out_modes=scalars_of(out_modes),
        bonds=tuple(item.scalar for item in bonds),
        init=init,
        name=graph.unique(label),
        share=share,
        span=bound.span,
    )
    return graph.add(node, to, bound.span)


def scalars_of(items: tuple[Typed, ...] | None) -> tuple[Scalar, ...] | None:
    """Return the scalars of a list that may be left out."""
    return None if items is None else tuple(item.scalar for item in items)


def _bonds(bound: Bound) -> tuple[Typed, ...] | None:
    if bound.has("bond") and bound.has("bonds"):
        place = bound.given["bond"].span
        bound.frame.report(OptionsExclude(span=place, one="bond", other="bonds"))
        bound.integer("bond")
        bound.integers("bonds")
        return None
    if bound.has("bonds"):
        return bound.integers("bonds")
    if bound.has("bond"):
        bond = bound.integer("bond")
        return None if bond is None else (bond,)
    if bound.ok:
        missing = "`bond: …` or `bonds: [ … ]`"
        bound.frame.report(MissingArgument(span=bound.span, function="mpo", argument=missing))
    return None


def _consistent(
    bound: Bound,
    graph: GraphBuilder,
    value: Value,
    to: Typed,
    sites: Typed | None,
    in_modes: tuple[Typed, ...] | None,
    out_modes: tuple[Typed, ...] | None,
    bonds: tuple[Typed, ...],
) -> bool:
    """Check the lengths of lists and the products of modes, as far as they are known."""
    frame = bound.frame
    modes = in_modes or out_modes
    count = graph.number(sites)
    if sites is None:
        if modes is None:
            argument = "`sites: …`, or modes"
            frame.report(MissingArgument(span=bound.span, function="mpo", argument=argument))
            return False
        count = len(modes)
        if not 2 <= count <= MAX_SITES:
            name = "in_modes" if in_modes else "out_modes"
            frame.report(
                OutOfRange(
                    span=bound.given[name].span,
                    what="the number of modes",
                    bounds=f"at least 2 and at most {MAX_SITES}",
                    value=count,
                )
            )
            return False
    if count is None:
        return True
    lists = (("in_modes", in_modes, count), ("out_modes", out_modes, count))
    fine = True
    for name, items, expected in lists:
        if items is not None and len(items) != expected:
            frame.report(
                WrongLength(
                    span=bound.given[name].span,
                    count=len(items),
                    what="modes",
                    expected=expected,
                )
            )
            fine = False
    if bound.has("bonds") and len(bonds) != count - 1:
        frame.report(
            WrongLength(
                span=bound.given["bonds"].span,
                count=len(bonds),
                what="bonds",
                expected=count - 1,
            )
        )
        fine = False
    for name, side, items, width in (
        ("in_modes", "input", in_modes, value.width),
        ("out_modes", "output", out_modes, to),
    ):
        fine = fine and _large_enough(bound, graph, name, side, items, width)
    return fine


def _large_enough(
    bound: Bound,
    graph: GraphBuilder,
    name: str,
    side: str,
    modes: tuple[Typed, ...] | None,
    width: Typed | None,
) -> bool:
    wanted = graph.number(width)
    if modes is None or wanted is None:
        return True
    product = 1
    for mode in modes:
        factor = graph.number(mode)
        if factor is None:
            return True
        product *= factor
    if product >= wanted:
        return True
    place = bound.given[name].span
    bound.frame.report(ModesTooSmall(span=place, side=side, product=product, width=wanted))
    return False


def vector(bound: Bound, label: str) -> Value | None:
    """A trainable vector."""
    graph = graph_of(bound)
    if graph is None:
        return None
    size = bound.integer("n")
    init = init_of(bound, NORMAL, "a vector", VECTOR_INITS)
    share = share_of(bound, graph)
    if size is None or init is None or not bound.ok:
        return None
    node = SpecVector(
        size=size.scalar, init=init, name=graph.unique(label), share=share, span=bound.span
    )
    return graph.add(node, size, bound.span)


def dropout(bound: Bound) -> Value | None:
    """Dropout; a probability of exactly zero adds no node."""
    graph = graph_of(bound)
    if graph is None:
        return None
    value = bound.value("v")
    probability = bound.real("p")
    if value is None or probability is None or not bound.ok:
        return None
    if probability.constant == 1:
        bound.frame.report(
            OutOfRange(span=probability.span, what=bound.what("p"), bounds="below 1", value=1)
        )
        return None
    if probability.constant == 0:
        return value
    node = SpecDropout(operand=value.node, probability=probability.scalar, span=bound.span)
    return graph.add(node, value.width, bound.span)


def concat(bound: Bound) -> Value | None:
    """Values side by side."""
    graph = graph_of(bound)
    if graph is None:
        return None
    session = bound.frame.session
    found = [
        as_value(session, bound.frame.evaluate(expr), "the argument of `concat`")
        for expr in bound.many
    ]
    values = [value for value in found if value is not None]
    if not bound.ok or len(values) < len(found):
        return None
    width: Typed | None = integer(0, bound.span)
    for value in values:
        if width is None or value.width is None or width.parts + value.width.parts > 100:
            width = None
            break
        width = combine(session, "+", (width, value.width), bound.span)
    node = SpecConcat(operands=tuple(value.node for value in values), span=bound.span)
    return graph.add(node, width, bound.span)


def resize(bound: Bound) -> Value | None:
    """Another width: cut, or with zeros behind."""
    graph = graph_of(bound)
    if graph is None:
        return None
    value = bound.value("v")
    size = bound.integer("n")
    if value is None or size is None or not bound.ok:
        return None
    node = SpecResize(operand=value.node, to=size.scalar, span=bound.span)
    return graph.add(node, size, bound.span)


def activation(bound: Bound, operand: Operand) -> Value | None:
    """An elementwise function."""
    graph = graph_of(bound)
    if graph is None:
        return None
    name = bound.function.name
    value = as_value(bound.frame.session, operand, f"the argument of `{name}`")
    if value is None or not bound.ok:
        return None
    kind = cast(ActivationKind, name)
    node = SpecActivation(operand=value.node, kind=kind, span=bound.span)
    return graph.add(node, value.width, bound.span)
