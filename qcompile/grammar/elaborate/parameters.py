"""Parameters of adapters, blocks and layers, and what they are given."""

from __future__ import annotations

from collections.abc import Sequence

from qcompile.diagnostics.messages.calls import (
    ArgumentTwice,
    MissingArgument,
    PositionalAfterNamed,
    TooManyArguments,
    UnknownArgument,
)
from qcompile.diagnostics.messages.parameters import (
    MisplacedParameter,
    TooManyParameters,
    UnknownType,
)
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.expect import as_declared, as_value
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.scope import Scope
from qcompile.grammar.elaborate.session import Session
from qcompile.grammar.syntax import Argument, Parameter
from qcompile.grammar.vocabulary import TYPES
from qcompile.ir.operands import Operand, ScalarType, Typed
from qcompile.ir.scalar import Variable

MAX_PARAMETERS = 256

_STATIC: dict[str, ScalarType] = {"int": "int", "real": "real", "bool": "bool", "text": "text"}


def check_parameters(session: Session, parameters: Sequence[Parameter], where: str) -> None:
    """Report what is wrong with a list of parameters as such.

    Args:
        session: Takes the messages.
        parameters: As declared.
        where: "in an adapter", or "after the first typed one" for blocks and layers.
    """
    if len(parameters) > MAX_PARAMETERS:
        place = parameters[MAX_PARAMETERS].span
        count = len(parameters)
        session.report(TooManyParameters(span=place, count=count, limit=MAX_PARAMETERS))
    typed_before = where == "in an adapter"
    for parameter in parameters[:MAX_PARAMETERS]:
        if parameter.type is None:
            if typed_before:
                name = parameter.name.text
                session.report(MisplacedParameter(span=parameter.span, name=name, where=where))
            continue
        typed_before = True
        if parameter.type.text not in TYPES:
            session.report(
                UnknownType(
                    span=parameter.type.span,
                    name=parameter.type.text,
                    candidates=session.nearest(parameter.type.text, TYPES),
                )
            )


def value_parameters(parameters: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """The leading parameters that stand for values of the graph."""
    found: list[Parameter] = []
    for parameter in parameters[:MAX_PARAMETERS]:
        if parameter.type is not None:
            break
        found.append(parameter)
    return tuple(found)


def typed_parameters(parameters: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """The parameters that stand for numbers, truth values and texts."""
    return tuple(item for item in parameters[:MAX_PARAMETERS] if item.type is not None)


def define_unknown(frame: Frame, parameters: Sequence[Parameter]) -> None:
    """Define typed parameters whose values are unknown; their defaults are checked."""
    for parameter in parameters:
        default_value(frame, parameter)
        kind = None if parameter.type is None else _STATIC.get(parameter.type.text)
        operand: Operand = None
        if kind is not None:
            span = parameter.name.span
            scalar = Variable(name=f"${parameter.name.text}", span=span)
            operand = Typed(type=kind, scalar=scalar, span=span)
        frame.scope.define(frame.session, parameter.name, operand, "parameter")


def default_value(frame: Frame, parameter: Parameter) -> Typed | None:
    """Evaluate a default in the scope of the parameters before it."""
    if parameter.default is None or parameter.type is None:
        return None
    operand = frame.evaluate(parameter.default)
    what = f"the default of `{parameter.name.text}`"
    return as_declared(frame.session, operand, what, parameter.type.text)


def bind_arguments(
    frame: Frame,
    scope: Scope,
    name: str,
    parameters: Sequence[Parameter],
    arguments: Sequence[Argument],
    span: Span,
) -> bool:
    """Define a block's or layer's parameters in `scope`; False where something was wrong.

    Arguments are evaluated in `frame`, defaults in `scope`. Values are given by position, typed
    parameters by name.
    """
    session = frame.session
    values = value_parameters(parameters)
    typed = {item.name.text: item for item in typed_parameters(parameters)}
    before = session.errors
    given: dict[str, Operand] = {}
    places: dict[str, Span] = {}
    count = 0
    named = False
    for argument in arguments:
        operand = frame.evaluate(argument.value)
        if argument.name is None:
            count += 1
            if named:
                session.report(PositionalAfterNamed(span=argument.span))
            elif count == len(values) + 1:
                shown = f"{len(values)} value{'s' * (len(values) != 1)} by position"
                session.report(
                    TooManyArguments(
                        span=argument.span,
                        function=name,
                        expected=shown,
                        options=", ".join(typed),
                    )
                )
            elif count <= len(values):
                parameter = values[count - 1]
                value = as_value(session, operand, f"`{parameter.name.text}` of `{name}`")
                scope.define(session, parameter.name, value, "value parameter", allow_module=True)
            continue
        named = True
        key = argument.name.text
        if key not in typed:
            near = session.nearest(key, typed)
            place = argument.name.span
            session.report(UnknownArgument(span=place, function=name, name=key, candidates=near))
        elif key in given:
            session.report(ArgumentTwice(span=argument.span, name=key, first=places[key]))
        else:
            kind = typed[key].type
            given[key] = (
                as_declared(session, operand, f"`{key}` of `{name}`", kind.text) if kind else None
            )
            places[key] = argument.span
    if session.errors == before:
        for parameter in values[count:]:
            argument_name = f"a value for `{parameter.name.text}`"
            session.report(MissingArgument(span=span, function=name, argument=argument_name))
    broken = any(operand is None for operand in given.values())
    inner = _default_frame(frame, scope)
    for key, parameter in typed.items():
        if key in given:
            operand = given[key]
        elif parameter.default is not None:
            operand = default_value(inner, parameter)
        else:
            operand = None
            if session.errors == before:
                missing = f"`{key}: …`"
                session.report(MissingArgument(span=span, function=name, argument=missing))
        broken = broken or operand is None
        scope.define(session, parameter.name, operand, "parameter")
    broken = broken or any(local.operand is None for local in scope.locals.values())
    return session.errors == before and not broken


def _default_frame(frame: Frame, scope: Scope) -> Frame:
    return Frame(
        session=frame.session,
        scope=scope,
        evaluator=frame.evaluator,
        graph=None,
        generic=frame.generic,
    )
