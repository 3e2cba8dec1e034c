"""The `train` clause: penalties and proximal operators on an adapter's tensors."""

from __future__ import annotations

from collections.abc import Collection
from typing import assert_never, cast

from qcompile.diagnostics.messages.names import UnknownFunction
from qcompile.diagnostics.messages.training import NoSuchTerm, NoTensors
from qcompile.grammar.elaborate.arguments import Bound, bind
from qcompile.grammar.elaborate.expect import as_real
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.scalars import combine
from qcompile.grammar.functions import PENALTIES, PROXIMALS, SCALARS
from qcompile.grammar.syntax import (
    Binary,
    Call,
    Expr,
    Name,
    ProximalStatement,
    RegulariseStatement,
    TrainStatement,
)
from qcompile.ir.operands import Typed, Value, integer
from qcompile.ir.registry import operations
from qcompile.ir.training import PenaltyKind, ProximalKind, SpecPenalty, SpecProximal


def read_training(frame: Frame, statement: TrainStatement) -> None:
    """Add the terms of a clause to the graph."""
    assert frame.graph is not None
    for term in statement.body:
        match term:
            case RegulariseStatement():
                penalty = _penalty(frame, term)
                if penalty is not None:
                    frame.graph.training.append(penalty)
            case ProximalStatement():
                proximal = _proximal(frame, term)
                if proximal is not None:
                    frame.graph.training.append(proximal)
            case _:
                assert_never(term)


def _penalty(frame: Frame, statement: RegulariseStatement) -> SpecPenalty | None:
    factors: list[tuple[str, Expr]] = []
    call = _split(statement.penalty, factors)
    if call is None:
        _not_a_term(frame, statement.penalty, "regularise", PENALTIES)
        return None
    bound = bind(frame, PENALTIES[call.function.text], call.arguments, call.span)
    operand = _tensors(bound)
    factor = _factor(frame, factors, statement.penalty)
    if operand is None or factor is None:
        return None
    kind = cast(PenaltyKind, call.function.text)
    return SpecPenalty(kind=kind, operand=operand, factor=factor.scalar, span=statement.span)


def _proximal(frame: Frame, statement: ProximalStatement) -> SpecProximal | None:
    call = statement.operator
    if not isinstance(call, Call) or call.function.text not in PROXIMALS:
        _not_a_term(frame, call, "proximal", PROXIMALS)
        return None
    bound = bind(frame, PROXIMALS[call.function.text], call.arguments, call.span)
    operand = _tensors(bound)
    threshold = bound.real("t")
    if operand is None or threshold is None:
        return None
    kind = cast(ProximalKind, call.function.text)
    return SpecProximal(kind=kind, operand=operand, threshold=threshold.scalar, span=statement.span)


def _split(expr: Expr, factors: list[tuple[str, Expr]]) -> Call | None:
    """Return the one penalty of a product, and add the numbers around it to `factors`."""
    match expr:
        case Call(function=function) if function.text in PENALTIES:
            return expr
        case Binary(operator="*" | "/" as operator, left=left, right=right):
            one, other = _split(left, factors), _split(right, factors)
            if one is not None and other is None:
                factors.append((operator, right))
                return one
            if other is not None and one is None and operator == "*":
                factors.append((operator, left))
                return other
    return None


def _factor(frame: Frame, factors: list[tuple[str, Expr]], whole: Expr) -> Typed | None:
    what = "the factor of a penalty"
    result: Typed | None = integer(1, whole.span)
    for operator, expr in factors:
        number = as_real(frame.session, frame.evaluate(expr), what)
        if result is not None and number is not None:
            result = combine(frame.session, operator, (result, number), expr.span)
        else:
            result = None
    return None if result is None else as_real(frame.session, result, what, low=0)


def _tensors(bound: Bound) -> int | None:
    """Return the node whose tensors a name stands for."""
    frame, expr = bound.frame, bound.given.get("g")
    if expr is None or frame.graph is None:
        return None
    local = frame.scope.find(expr.text) if isinstance(expr, Name) else None
    # Training a value is no use of it, so that the warning of unused names stays.
    operand = frame.evaluate(expr) if local is None else local.operand
    if operand is None:
        return None
    if isinstance(operand, Value) and isinstance(expr, Name):
        node = frame.graph.nodes[operand.node]
        if node.tensors_name == expr.text and node.inits:
            return operand.node
    shown = f"`{expr.text}`" if isinstance(expr, Name) else "this expression"
    frame.report(NoTensors(span=expr.span, what=shown))
    return None


def _not_a_term(frame: Frame, expr: Expr, statement: str, known: Collection[str]) -> None:
    for call in _calls(expr):
        if call.function.text not in (*SCALARS, *operations().built_in, *known):
            name = call.function
            near = frame.session.nearest(name.text, known)
            frame.report(UnknownFunction(span=name.span, name=name.text, candidates=near))
            return
    words = ", ".join(f"`{name}`" for name in known)
    expected, example = f"one of {words}", "`regularise 0.1 * l1(g)`"
    if statement == "regularise":
        expected = f"a number times one of {words}"
    else:
        example = "`proximal soft_threshold(g, 1e-3)`"
    frame.report(
        NoSuchTerm(span=expr.span, statement=statement, expected=expected, example=example)
    )


def _calls(expr: Expr) -> list[Call]:
    """Return the calls among the factors of a product."""
    match expr:
        case Call():
            return [expr]
        case Binary(operator="*" | "/", left=left, right=right):
            return [*_calls(left), *_calls(right)]
    return []
