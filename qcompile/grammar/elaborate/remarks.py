"""Warnings: what is allowed and yet hardly meant."""

from __future__ import annotations

from qcompile.diagnostics.messages.names import UnusedBinding, UnusedParameter
from qcompile.diagnostics.messages.values import NothingTrainable, NotZeroAtStart
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.scope import Scope
from qcompile.grammar.elaborate.session import Session
from qcompile.grammar.elaborate.start import cancels, is_zero
from qcompile.ir.initialisation import Init
from qcompile.ir.scalar import Constant
from qcompile.ir.spec import (
    SpecCayley,
    SpecCircuitValue,
    SpecLinear,
    SpecMpo,
    SpecNode,
    SpecScale,
    SpecTable,
    SpecTensorGates,
    SpecUnitary,
    SpecVector,
)
from qcompile.ir.spec_circuit import CircuitItem, ForEach, Fresh, GateLayer, Repeat
from qcompile.ir.spec_operands import operands_of


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
    inits = [init for index in needed for init in inits_of(nodes[index])]
    if not inits:
        session.report(NothingTrainable(span=span, adapter=adapter))
        return
    # A Cayley map of zeros is the identity.
    zeros = any(
        is_zero(init)
        for index in needed
        if not isinstance(nodes[index], SpecCayley)
        for init in inits_of(nodes[index])
    )
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
        for operand in operands_of(nodes[waiting.pop()]):
            if operand not in seen:
                seen.add(operand)
                waiting.append(operand)
    return sorted(seen)


def inits_of(node: SpecNode) -> tuple[Init, ...]:
    """Initialisations of a node's trainable tensors."""
    match node:
        case (
            SpecLinear(init=init)
            | SpecMpo(init=init)
            | SpecTensorGates(init=init)
            | SpecCayley(init=init)
            | SpecVector(init=init)
            | SpecTable(init=init)
        ):
            return (init,)
        case SpecCircuitValue(circuit=circuit):
            banks = tuple(bank.init or circuit.init for bank in circuit.banks)
            return (*banks, circuit.init) if has_fresh(circuit.items) else banks
        case SpecUnitary(init=init):
            banks = tuple(bank.init or init for bank in node.banks)
            return (*banks, init) if has_fresh(node.items) else banks
    return ()


def has_fresh(items: tuple[CircuitItem, ...]) -> bool:
    """Whether a gate has a trainable angle of its own."""
    for item in items:
        match item:
            case GateLayer(angles=Fresh()):
                return True
            case Repeat(items=inner) | ForEach(items=inner):
                if has_fresh(inner):
                    return True
    return False
