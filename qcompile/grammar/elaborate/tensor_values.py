"""Tensor gates and orthogonal blocks."""

from __future__ import annotations

from qcompile.diagnostics.messages.calls import MissingArgument, OptionsExclude
from qcompile.diagnostics.messages.tensors import AxesTooSmall, BlocksDoNotFit
from qcompile.diagnostics.messages.types import OutOfRange
from qcompile.grammar.elaborate.arguments import Bound
from qcompile.grammar.elaborate.graph import GraphBuilder
from qcompile.grammar.elaborate.inits import IDENTITY
from qcompile.grammar.elaborate.operands import Typed, Value, integer
from qcompile.grammar.elaborate.values import graph_of, init_of, scalars_of, share_of
from qcompile.grammar.functions import VECTOR_INITS
from qcompile.ir.initialisation import ZERO
from qcompile.ir.limits import MAX_GATE_SITES
from qcompile.ir.spec import SpecCayley, SpecTensorGates

_DEFAULT_BLOCK = 4


def tensor_gates(bound: Bound, label: str) -> Value | None:
    """Dense tensors on pairs of axes; see `SpecTensorGates`."""
    graph = graph_of(bound)
    if graph is None:
        return None
    value = bound.value("v")
    to = bound.integer("to")
    axes = _axes(bound)
    pattern = bound.choice("pattern")
    init = init_of(bound, IDENTITY, "tensor gates")
    share = share_of(bound, graph)
    if value is None or to is None or axes is None or pattern is None or init is None:
        return None
    sites, modes = axes
    if not bound.ok or not _large_enough(bound, graph, modes, value, to):
        return None
    node = SpecTensorGates(
        operand=value.node,
        to=to.scalar,
        sites=None if sites is None else sites.scalar,
        modes=scalars_of(modes),
        pattern=pattern,
        init=init,
        name=graph.unique(label),
        share=share,
        span=bound.span,
    )
    return graph.add(node, to, bound.span)


def _axes(bound: Bound) -> tuple[Typed | None, tuple[Typed, ...] | None] | None:
    """Return the number of axes, or their extents; None where neither is right."""
    if bound.has("sites") and bound.has("modes"):
        place = bound.given["sites"].span
        bound.frame.report(OptionsExclude(span=place, one="sites", other="modes"))
        bound.integer("sites")
        bound.integers("modes")
        return None
    if bound.has("sites"):
        sites = bound.integer("sites")
        return None if sites is None else (sites, None)
    if bound.has("modes"):
        modes = bound.integers("modes")
        if modes is None or not _right_number(bound, len(modes)):
            return None
        return None, modes
    if bound.ok:
        missing = "`sites: …` or `modes: [ … ]`"
        bound.frame.report(
            MissingArgument(span=bound.span, function="tensor_gates", argument=missing)
        )
    return None


def _right_number(bound: Bound, count: int) -> bool:
    if 2 <= count <= MAX_GATE_SITES:
        return True
    bound.frame.report(
        OutOfRange(
            span=bound.given["modes"].span,
            what="the number of modes",
            bounds=f"at least 2 and at most {MAX_GATE_SITES}",
            value=count,
        )
    )
    return False


def _large_enough(
    bound: Bound,
    graph: GraphBuilder,
    modes: tuple[Typed, ...] | None,
    value: Value,
    to: Typed,
) -> bool:
    """Check the product of the modes, as far as it is known."""
    product = 1
    for mode in modes or ():
        factor = graph.number(mode)
        if factor is None:
            return True
        product *= factor
    for what, width in (("value", value.width), ("result", to)):
        wanted = graph.number(width)
        if modes is not None and wanted is not None and product < wanted:
            place = bound.given["modes"].span
            bound.frame.report(AxesTooSmall(span=place, product=product, what=what, width=wanted))
            return False
    return True


def cayley(bound: Bound, label: str) -> Value | None:
    """An orthogonal matrix on every block; see `SpecCayley`."""
    graph = graph_of(bound)
    if graph is None:
        return None
    value = bound.value("v")
    given = bound.has("block")
    block = bound.integer("block") if given else integer(_DEFAULT_BLOCK, bound.span)
    init = init_of(bound, ZERO, "orthogonal blocks", VECTOR_INITS)
    share = share_of(bound, graph)
    if value is None or block is None or init is None or not bound.ok:
        return None
    width, rows = graph.number(value.width), graph.number(block)
    if width is not None and rows is not None and rows > 0 and width % rows:
        place = bound.given["block"].span if given else bound.span
        bound.frame.report(BlocksDoNotFit(span=place, block=rows, width=width))
        return None
    node = SpecCayley(
        operand=value.node,
        block=block.scalar,
        init=init,
        name=graph.unique(label),
        share=share,
        span=bound.span,
    )
    return graph.add(node, value.width, bound.span)
