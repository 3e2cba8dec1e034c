"""What a name stands for."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import chain

from qcompile.diagnostics.messages.circuits import LoopInValue
from qcompile.diagnostics.messages.names import (
    ModelSizeInLet,
    NoInputHere,
    UnknownName,
    UsedBeforeDefinition,
    WrongKind,
)
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.scope import (
    KIND_WORDS,
    OF_THE_MODULE,
    OF_THE_WEIGHT,
    PREDEFINED,
)
from qcompile.grammar.syntax import Name
from qcompile.grammar.vocabulary import ELSEWHERE, USUAL
from qcompile.ir.operands import Operand, Typed, Value, real
from qcompile.ir.ops.base import SpecBaseBias, SpecWeight
from qcompile.ir.scalar import MODEL_SIZES, MODULE_FACTS, Variable, variables


def look_up(frame: Frame, name: Name) -> Operand:
    """Return the operand of a name, with the place where it is read as its span."""
    local = frame.scope.find(name.text)
    if local is not None:
        local.used = True
        operand = local.operand
        if operand is None:
            return None
        if frame.outside_loops and isinstance(operand, Typed) and depends_on_loop(operand):
            frame.report(LoopInValue(span=name.span))
            return None
        return replace(operand, span=name.span)
    if name.text in PREDEFINED:
        return _predefined(frame, name)
    hidden = name.text in frame.scope.file.names or frame.scope.find_upcoming(name.text)
    if not hidden and name.text in OF_THE_WEIGHT:
        return _of_the_weight(frame, name)
    if not hidden and name.text in MODULE_FACTS:
        return _known_of_a_module(frame, name)
    return _defined(frame, name)


def depends_on_loop(operand: Typed) -> bool:
    """Whether a scalar mentions the variable of a loop; `$` marks unknown arguments."""
    if operand.constant is not None:
        return False
    names = variables(operand.scalar)
    known = (*MODEL_SIZES, *MODULE_FACTS)
    return any(name not in known and not name.startswith("$") for name in names)


def _predefined(frame: Frame, name: Name) -> Operand:
    if name.text == "pi":
        return real(math.pi, name.span)
    if frame.sizes and name.text in OF_THE_MODULE:
        return _of_the_module(frame, name)
    return _known_of_a_module(frame, name)


def _known_of_a_module(frame: Frame, name: Name) -> Operand:
    if frame.sizes:
        return _size(name.text, name.span)
    frame.report(ModelSizeInLet(span=name.span, name=name.text))
    return None


def _of_the_module(frame: Frame, name: Name) -> Operand:
    if frame.input is None or frame.graph is None:
        frame.report(NoInputHere(span=name.span, name=name.text))
        return None
    if name.text == "x":
        width = _size("in_features", name.span)
        return Value(node=frame.input, width=width, span=name.span)
    return frame.graph.output(_size("out_features", name.span), name.span)


def _of_the_weight(frame: Frame, name: Name) -> Operand:
    if frame.input is None or frame.graph is None:
        frame.report(NoInputHere(span=name.span, name=name.text))
        return None
    if name.text == "W":
        width = _size("in_features", name.span)
        return frame.graph.add(SpecWeight(span=name.span), width, name.span)
    width = _size("out_features", name.span)
    return frame.graph.add(SpecBaseBias(span=name.span), width, name.span)


def _size(name: str, span: Span) -> Typed:
    return Typed(type="int", scalar=Variable(name=name, span=span), span=span)


def _defined(frame: Frame, name: Name) -> Operand:
    definition = frame.scope.file.names.get(name.text)
    if definition is None:
        _unknown(frame, name)
        return None
    definition.used = True
    if definition.kind != "constant":
        frame.report(
            WrongKind(
                span=name.span,
                name=name.text,
                kind=KIND_WORDS[definition.kind],
                wanted="a number or a value",
                first=definition.span,
            )
        )
        return None
    if not definition.ready:
        frame.report(UsedBeforeDefinition(span=name.span, name=name.text, first=definition.span))
        return None
    operand = definition.operand
    return None if operand is None else replace(operand, span=name.span)


def _declaration(frame: Frame, name: str) -> str:
    """How a parameter is declared that other tools have in every adapter, where it is none here."""
    words = (name, *ELSEWHERE.get(name.lower(), "").split())
    usual = next((word for word in words if word in USUAL), None)
    return "" if usual is None or usual in set(frame.scope.visible()) else USUAL[usual]


def _unknown(frame: Frame, name: Name) -> None:
    upcoming = frame.scope.find_upcoming(name.text)
    if upcoming is not None:
        frame.report(UsedBeforeDefinition(span=name.span, name=name.text, first=upcoming))
    elif not frame.scope.file.incomplete:
        candidates = chain(frame.scope.visible(), PREDEFINED, OF_THE_WEIGHT, MODULE_FACTS)
        frame.report(
            UnknownName(
                span=name.span,
                name=name.text,
                candidates=frame.session.nearest(name.text, candidates),
                declaration=_declaration(frame, name.text),
            )
        )
