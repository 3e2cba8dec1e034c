"""Matches the arguments of a call with the options of its function, and reads them by type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from qcompile.diagnostics.messages.calls import (
    ArgumentTwice,
    MissingArgument,
    NotAChoice,
    PositionalAfterNamed,
    TooManyArguments,
    UnknownArgument,
)
from qcompile.diagnostics.messages.types import Misplaced, TooManyItems
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate import expect
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.syntax import Argument, Expr, ListExpr, Name
from qcompile.ir.extensions import ExtensionError
from qcompile.ir.operands import Operand, Typed, Value, integer, real
from qcompile.ir.scalar import Constant
from qcompile.ir.signature import Function, Option

MAX_ITEMS = 4096


@dataclass(slots=True, kw_only=True)
class Bound:
    """The arguments of one call by the name of the option; each is read at most once."""

    frame: Frame
    function: Function
    given: dict[str, Expr]
    many: tuple[Expr, ...]
    """The arguments of an option that takes any number."""
    ok: bool
    span: Span
    options: dict[str, Option]
    """Of the function, by name."""

    def has(self, name: str) -> bool:
        return name in self.given

    def what(self, name: str) -> str:
        return f"`{name}` of `{self.function.name}`"

    def operand(self, name: str) -> Operand:
        """Whatever was given; None where nothing was."""
        return self.frame.evaluate(self.given[name]) if name in self.given else None

    def value(self, name: str) -> Value | None:
        what = f"the argument of `{self.function.name}`"
        return expect.as_value(self.frame.session, self.operand(name), what)

    def integer(self, name: str) -> Typed | None:
        option = self.options[name]
        if name not in self.given and option.default is not None:
            return integer(int(option.default), self.span)
        return expect.as_integer(
            self.frame.session,
            self.operand(name),
            self.what(name),
            low=option.low,
            high=option.high,
        )

    def real(self, name: str) -> Typed | None:
        option = self.options[name]
        if name not in self.given and option.default is not None:
            return real(float(option.default), self.span)
        return expect.as_real(
            self.frame.session,
            self.operand(name),
            self.what(name),
            low=option.low,
            high=option.high,
        )

    def flag(self, name: str) -> bool | None:
        """A truth value that is known without a model."""
        if name not in self.given:
            return self.options[name].default == "true"
        found = expect.as_bool(self.frame.session, self.operand(name), self.what(name))
        value = expect.constant(self.frame.session, found, self.what(name))
        return value if isinstance(value, bool) else None

    def text(self, name: str) -> str | None:
        """A text that is known without a model; None where none was given."""
        if name not in self.given:
            return None
        found = expect.as_text(self.frame.session, self.operand(name), self.what(name))
        value = expect.constant(self.frame.session, found, self.what(name))
        return value if isinstance(value, str) else None

    def integers(self, name: str) -> tuple[Typed, ...] | None:
        """A list of whole numbers in the option's range; None where none was given."""
        if name not in self.given:
            return None
        option = self.options[name]
        items = list_items(self.frame, self.given[name], self.what(name))
        if items is None:
            return None
        found = [
            expect.whole(self.frame, item, f"an item of {self.what(name)}", option.low, option.high)
            for item in items
        ]
        numbers = tuple(item for item in found if item is not None)
        return numbers if len(numbers) == len(items) else None

    def choice(self, name: str) -> str | None:
        """One of the option's words, its default where none was given."""
        option = self.options[name]
        if name not in self.given:
            return option.default
        return choose(self.frame, self.given[name], f"`{name}`", option.choices, option.more)


BoundT = TypeVar("BoundT", bound=Bound)


def bind(frame: Frame, function: Function, arguments: Sequence[Argument], span: Span) -> Bound:
    """Match arguments and options; what does not match is reported."""
    return bind_as(Bound, frame, function, arguments, span)


def bind_as(
    kind: type[BoundT],
    frame: Frame,
    function: Function,
    arguments: Sequence[Argument],
    span: Span,
) -> BoundT:
    """Match arguments and options; what does not match is reported."""
    options = {option.name: option for option in function.options}
    positional = list(function.positional)
    variadic = bool(positional) and positional[-1].kind == "values"
    given: dict[str, Expr] = {}
    many: list[Expr] = []
    places: dict[str, Span] = {}
    ok = True
    named_before = False
    for argument in arguments:
        if argument.name is None:
            if named_before:
                frame.report(PositionalAfterNamed(span=argument.span))
                ok = False
            if variadic:
                many.append(argument.value)
                continue
            taken = sum(option.name in given for option in positional)
            if taken >= len(positional):
                if ok:
                    frame.report(_too_many(function, argument.span))
                ok = False
                frame.evaluate(argument.value)
                continue
            name = positional[taken].name
        else:
            named_before = True
            name = argument.name.text
            if name not in options or options[name].kind in ("value", "values", "tensors"):
                frame.report(
                    UnknownArgument(
                        span=argument.name.span,
                        function=function.name,
                        name=name,
                        candidates=frame.session.nearest(name, options),
                    )
                )
                ok = False
                continue
        if name in given:
            frame.report(ArgumentTwice(span=argument.span, name=name, first=places[name]))
            ok = False
            continue
        given[name] = argument.value
        places[name] = argument.span
    missing = [
        option
        for option in function.options
        if option.required and option.name not in given and not (option.kind == "values" and many)
    ]
    if ok:
        for option in missing:
            frame.report(
                MissingArgument(span=span, function=function.name, argument=_described(option))
            )
    ok = ok and not missing
    return kind(
        frame=frame,
        function=function,
        given=given,
        many=tuple(many),
        ok=ok,
        span=span,
        options=options,
    )


def _described(option: Option) -> str:
    if not option.positional:
        return f"`{option.name}: …`"
    return "a value" if option.kind in ("value", "values") else f"`{option.name}`"


def _too_many(function: Function, span: Span) -> TooManyArguments:
    count = len(function.positional)
    words = "no argument" if count == 0 else f"{count} argument{'s' * (count > 1)}"
    named = [option.name for option in function.options if not option.positional]
    expected = f"{words} by position"
    return TooManyArguments(
        span=span, function=function.name, expected=expected, options=", ".join(named)
    )


def list_items(frame: Frame, expr: Expr, what: str) -> tuple[Expr, ...] | None:
    """Return the items of a list; anything else is reported."""
    if not isinstance(expr, ListExpr):
        operand = frame.evaluate(expr)
        if operand is not None:
            frame.report(Misplaced(span=expr.span, form=operand.word, what=what, expected="a list"))
        return None
    if len(expr.items) > MAX_ITEMS:
        frame.report(TooManyItems(span=expr.span, count=len(expr.items), limit=MAX_ITEMS))
        return None
    return expr.items


def choose(
    frame: Frame,
    expr: Expr,
    what: str,
    choices: tuple[str, ...],
    more: Callable[[str], bool] = lambda _: False,
) -> str | None:
    """Return one of a few words, written as a name, as a text, or by a parameter of type text.

    `more` says whether another package offers a word that is none of them.
    """
    span = expr.span
    if isinstance(expr, Name) and frame.scope.find(expr.text) is None:
        text = expr.text
        constant = frame.scope.file.names.get(text)
        if text not in choices and constant is not None and constant.kind == "constant":
            operand = frame.evaluate(expr)
            if operand is None:
                return None
            text = _word(operand)
    else:
        operand = frame.evaluate(expr)
        if operand is None:
            return None
        if isinstance(operand, Typed) and operand.type == "text" and operand.constant is None:
            # Only while a block or layer is checked by itself.
            return choices[0]
        # `gate: h` means the word even where `h` is also a value.
        text = _word(operand)
        if text not in choices and isinstance(expr, Name) and expr.text in choices:
            text = expr.text
    try:
        if text in choices or more(text):
            return text
    except ExtensionError as error:
        frame.report(error.at(span))
        return None
    frame.report(
        NotAChoice(
            span=span,
            value=text,
            what=what,
            choices=choices,
            candidates=frame.session.nearest(text, choices) or choices[:8],
        )
    )
    return None


def _word(operand: Operand) -> str:
    if isinstance(operand, Typed) and isinstance(operand.scalar, Constant):
        return str(operand.scalar.value)
    return "this value"
