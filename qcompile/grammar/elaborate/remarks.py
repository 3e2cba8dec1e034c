"""Warnings: what is allowed and yet hardly meant."""

from __future__ import annotations

from qcompile.diagnostics.messages.names import UnusedBinding, UnusedParameter
from qcompile.diagnostics.messages.values import NothingTrainable, NotZeroAtStart
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.scope import Scope
from qcompile.grammar.elaborate.session import Session
from qcompile.ir.initialisation import Init
from qcompile.ir.ops.arithmetic import SpecProduct, SpecScale, SpecSum
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


ONE = Init(kind="constant", arguments=(1.0,))

Form = dict[int, float]
"""A sum of nodes, each times a number; widths aside."""


def cancels(nodes: tuple[SpecNode, ...], result: int) -> bool:
    """Whether the result may start at zero: `tensor_gates(x, to: n, …) - resize(x, n)`.

    What is cut off or padded is not looked at, so that True is no promise.
    """
    forms: list[Form] = []
    for index in range(result + 1):
        forms.append(_form(index, nodes, forms))
    return not forms[result]


def _form(index: int, nodes: tuple[SpecNode, ...], forms: list[Form]) -> Form:
    node = nodes[index]
    if node.identity_at_start:
        return forms[node.inputs[0]]
    if not all(forms[operand] for operand in node.factors):
        return {}
    match node:
        case SpecScale(operand=operand, factor=Constant(value=int() | float() as factor)):
            return {key: factor * value for key, value in forms[operand].items()}
        case SpecSum(operands=operands):
            total: Form = {}
            for operand in operands:
                for key, value in forms[operand].items():
                    total[key] = total.get(key, 0.0) + value
            return {key: value for key, value in total.items() if value}
        case SpecProduct(operands=operands) if len(rest := _not_one(nodes, operands)) == 1:
            return forms[rest[0]]
        case _:
            return {index: 1.0}


def _not_one(nodes: tuple[SpecNode, ...], operands: tuple[int, ...]) -> list[int]:
    """Those that are not trainable vectors that start at one."""
    return [index for index in operands if nodes[index].inputs or nodes[index].inits != (ONE,)]
