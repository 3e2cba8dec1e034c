"""Warnings: what is allowed and yet hardly meant."""

from __future__ import annotations

from qcompile.diagnostics.messages.names import UnusedBinding, UnusedParameter
from qcompile.diagnostics.messages.values import NothingTrainable, NotZeroAtStart
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.scope import Scope
from qcompile.grammar.elaborate.session import Session
from qcompile.grammar.elaborate.start import cancels
from qcompile.ir.ops.arithmetic import SpecScale
from qcompile.ir.scalar import Constant
from qcompile.ir.spec_node import SpecNode


def unused_names(session: Session, scope: Scope, kind: str, owner: str) -> None:
    """Warn of bindings and parameters that nothing has read."""
    for name, local in scope.locals.items():
        if local.used or name.startswith("_"):
            continue
        if local.kind in ("parameter", "value parameter"):
            session.report(UnusedParameter(span=local.span, name=name, kind=kind, owner=owner))
        elif local.kind in ("binding", "bank"):
            session.report(UnusedBinding(span=local.span, name=name))


def start_of_update(
    session: Session, adapter: str, nodes: tuple[SpecNode, ...], result: int, mode: str, span: Span
) -> None:
    """Warn where nothing is trainable, or where an update certainly does not start at zero."""
    needed = reachable(nodes, result)
    inits = [init for index in needed for init in nodes[index].inits]
    if not inits:
        session.report(NothingTrainable(span=span, adapter=adapter))
        return
    zeros = any(nodes[index].zero_at_start for index in needed)
    scaled = any(
        isinstance(node := nodes[index], SpecScale)
        and isinstance(node.factor, Constant)
        and node.factor.value == 0
        for index in needed
    )
    if mode == "add" and not (zeros or scaled or cancels(nodes, result)):
        session.report(NotZeroAtStart(span=span, adapter=adapter))


def reachable(nodes: tuple[SpecNode, ...], result: int) -> list[int]:
    """Indices of the nodes that the result depends on, itself included."""
    seen = {result}
    waiting = [result]
    while waiting:
        for operand in nodes[waiting.pop()].inputs:
            if operand not in seen:
                seen.add(operand)
                waiting.append(operand)
    return sorted(seen)
