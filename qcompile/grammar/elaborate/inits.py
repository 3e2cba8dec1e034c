"""Initialisations: `zero`, `normal(0.02)`, `uniform(-pi, pi)`."""

from __future__ import annotations

import math
from typing import cast

from qcompile.diagnostics.messages.calls import InitFileUnusable, InitUnsuited, UnknownInit
from qcompile.diagnostics.messages.types import Misplaced
from qcompile.grammar.elaborate import expect
from qcompile.grammar.elaborate.arguments import Bound, bind
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.imports import resolve
from qcompile.grammar.functions import INITIALISATIONS
from qcompile.grammar.syntax import Argument, Call, Expr, Name, StringLiteral
from qcompile.ir.file_tensor import FileTensorError, read_file_tensor
from qcompile.ir.initialisation import DRAWN, INIT_ARGUMENTS, Init, InitKind
from qcompile.ir.operands import Typed
from qcompile.ir.signature import VECTOR_INITS

ANGLES = Init(kind="uniform", arguments=(-math.pi, math.pi))


def read_init(frame: Frame, expr: Expr, what: str, possible: tuple[str, ...] = ()) -> Init | None:
    """Return an initialisation with all its arguments; `possible` limits the kinds."""
    arguments: tuple[Argument, ...] = ()
    if isinstance(expr, Call):
        name, arguments = expr.function, expr.arguments
    elif isinstance(expr, Name):
        name = expr
    else:
        operand = frame.evaluate(expr)
        if operand is not None:
            frame.report(
                Misplaced(
                    span=expr.span,
                    form=operand.word,
                    what="`init`",
                    expected="an initialisation, such as zero or normal(0.02)",
                )
            )
        return None
    if isinstance(expr, Name) and name.text not in INITIALISATIONS:
        local = frame.scope.find(name.text)
        if local is not None and isinstance(local.operand, Typed):
            local.used = True
            if expect.unknown_argument(local.operand):
                return None
            name = _named(local.operand, name)
    function = INITIALISATIONS.get(name.text)
    if function is None:
        near = frame.session.nearest(name.text, INITIALISATIONS) or DRAWN
        frame.report(UnknownInit(span=name.span, name=name.text, candidates=near))
        return None
    if possible and name.text not in possible:
        frame.report(InitUnsuited(span=expr.span, what=what, init=name.text, possible=possible))
        return None
    kind = cast(InitKind, name.text)
    bound = bind(frame, function, arguments, expr.span)
    if kind == "file":
        return _of_file(frame, bound, expr)
    values: list[float] = []
    for key, default in INIT_ARGUMENTS[kind]:
        if bound.has(key):
            what_of = bound.what(key)
            low = {"std": 0.0, "scale": 1e-9, "gamma": 1e-9}.get(key)
            value = expect.known_real(frame, bound.given[key], what_of, low=low)
            if value is None:
                return None
            values.append(value)
        elif default is None:
            return None
        else:
            values.append(default)
    return Init(kind=kind, arguments=tuple(values)) if bound.ok else None


def _of_file(frame: Frame, bound: Bound, expr: Expr) -> Init | None:
    """The tensor that `file("path", "name")` names; its path stands in the text as it is, so that
    all files that a compilation reads are known before it starts."""
    if not bound.ok or not bound.has("path"):
        return None
    written = bound.given["path"]
    name = bound.text("tensor") if bound.has("tensor") else ""
    if name is None:
        return None
    if not isinstance(written, StringLiteral):
        reason = "the path is to stand here in quotes"
        frame.report(InitFileUnusable(span=written.span, path=".", reason=reason))
        return None
    path = written.value
    try:
        where = resolve(frame.scope.file.source, path)
        found, _ = read_file_tensor(where, name, path=path)
    except (FileTensorError, ValueError) as error:
        reason = str(error)
        frame.report(InitFileUnusable(span=expr.span, path=path, reason=reason))
        return None
    return Init(kind="file", file=found)


def angles_init(bound: Bound) -> Init:
    """Return the option `init` of trainable angles; the default where it is faulty."""
    if not bound.has("init"):
        return ANGLES
    return read_init(bound.frame, bound.given["init"], "an angle", VECTOR_INITS) or ANGLES


def _named(parameter: Typed, name: Name) -> Name:
    """Return the kind that a parameter of type text names."""
    value = parameter.constant
    return Name(text=value, span=name.span) if isinstance(value, str) else name
