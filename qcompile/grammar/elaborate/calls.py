"""Calls: built-in functions and blocks."""

from __future__ import annotations

from itertools import chain

from qcompile.diagnostics.messages.names import UnknownFunction, WrongKind
from qcompile.diagnostics.messages.types import WrongType
from qcompile.grammar.elaborate.arguments import Bound, bind
from qcompile.grammar.elaborate.blocks import call_block
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.operands import Operand, Typed
from qcompile.grammar.elaborate.scalars import combine
from qcompile.grammar.elaborate.scope import KIND_WORDS
from qcompile.grammar.elaborate.tables import bits, flat, rows, table
from qcompile.grammar.elaborate.tensor_values import cayley, tensor_gates
from qcompile.grammar.elaborate.values import (
    activation,
    concat,
    dropout,
    linear,
    mpo,
    resize,
    vector,
)
from qcompile.grammar.functions import BOTH, FUNCTIONS
from qcompile.grammar.syntax import Call


def call(frame: Frame, expr: Call) -> Operand:
    """Return what a call stands for."""
    name = expr.function.text
    function = FUNCTIONS.get(name)
    if function is None:
        return _defined(frame, expr)
    label = frame.naming.name(name, expr) if function.family == "trainable" else ""
    bound = bind(frame, function, expr.arguments, expr.span)
    match name:
        case "linear":
            return linear(bound, label)
        case "mpo":
            return mpo(bound, label)
        case "tensor_gates":
            return tensor_gates(bound, label)
        case "cayley":
            return cayley(bound, label)
        case "vector":
            return vector(bound, label)
        case "table":
            return table(bound, label)
        case "bits":
            return bits(bound)
        case "rows":
            return rows(bound)
        case "flat":
            return flat(bound)
        case "dropout":
            return dropout(bound)
        case "concat":
            return concat(bound)
        case "resize":
            return resize(bound)
        case _ if function.family == "scalar":
            return _scalar(bound)
        case _:
            return _elementwise(bound)


def _elementwise(bound: Bound) -> Operand:
    name = bound.function.name
    operand = bound.operand("v")
    if isinstance(operand, Typed) and name in BOTH and operand.is_number:
        return combine(bound.frame.session, name, (operand,), bound.span)
    return activation(bound, operand)


def _scalar(bound: Bound) -> Typed | None:
    frame, name = bound.frame, bound.function.name
    expressions = bound.many if bound.many else tuple(bound.given.values())
    operands = [frame.evaluate(expr) for expr in expressions]
    numbers: list[Typed] = []
    for operand in operands:
        if operand is None:
            continue
        if not isinstance(operand, Typed) or not operand.is_number:
            frame.report(
                WrongType(
                    span=operand.span,
                    what=f"the argument of `{name}`",
                    expected="a number",
                    found=operand.word,
                )
            )
        else:
            numbers.append(operand)
    if not bound.ok or len(numbers) < len(operands) or not numbers:
        return None
    return combine(frame.session, name, tuple(numbers), bound.span)


def _defined(frame: Frame, expr: Call) -> Operand:
    name = expr.function.text
    definition = frame.scope.file.names.get(name)
    if definition is not None and definition.kind == "block":
        definition.used = True
        return call_block(frame, expr, definition)
    for argument in expr.arguments:
        frame.evaluate(argument.value)
    local = frame.scope.find(name)
    if definition is not None or local is not None:
        if definition is not None:
            kind, first = KIND_WORDS[definition.kind], definition.span
            definition.used = True
        elif local is not None:
            kind, first = f"a {local.kind}", local.span
            local.used = True
        frame.report(
            WrongKind(
                span=expr.function.span,
                name=name,
                kind=kind,
                wanted="a function or a block",
                first=first,
            )
        )
    elif not frame.scope.file.incomplete:
        blocks = (n for n, item in frame.scope.file.names.items() if item.kind == "block")
        near = frame.session.nearest(name, chain(FUNCTIONS, blocks))
        frame.report(UnknownFunction(span=expr.function.span, name=name, candidates=near))
    return None
