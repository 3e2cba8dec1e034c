"""The base class of all messages: templates as class data, fields as typed arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import ClassVar, TypeVar

from qcompile.diagnostics.cells import printable
from qcompile.diagnostics.diagnostic import Diagnostic, Label, Severity
from qcompile.diagnostics.late import LateDataclass
from qcompile.diagnostics.source import Span

LONGEST_VALUE = 200
"""Characters of a field's value that a message shows; longer values are cut in the middle."""


SHOWN_MODULES = 3
"""Names of further modules with the same fault that a message shows."""

NO_EXPLANATION = "Python runs without docstrings (-OO), and explanations are docstrings."


class Message(LateDataclass):
    """One kind of finding.

    A subclass has a docstring, which is its explanation, fields, and the decorator `message`. Three
    names of fields have a meaning: `span`, the place; `candidates`, what may have been meant;
    `first`, another place, beside which `first_label` stands.
    """

    code: ClassVar[str]
    severity: ClassVar[Severity]
    title: ClassVar[str]
    label: ClassVar[str]
    help: ClassVar[str | None]
    first_label: ClassVar[str]
    explanation: ClassVar[str]

    span: Span | None = None

    def secondary(self) -> tuple[Label, ...]:
        """Further places that matter: `first`, unless overridden."""
        first: Span | None = getattr(self, "first", None) if self.first_label else None
        return () if first is None else (Label(first, self.first_label),)

    def helps(self) -> tuple[str, ...]:
        """Advice shown before `help`: that one of `candidates` was meant, unless overridden."""
        return did_you_mean(getattr(self, "candidates", ()))

    def notes(self) -> tuple[str, ...]:
        """Facts that depend on the fields, none unless overridden."""
        return ()

    def diagnostic(self) -> Diagnostic:
        """Fill the templates."""
        values = {item.name: _shown(getattr(self, item.name)) for item in fields(self)}
        helps = self.helps()
        if self.help is not None:
            helps = (*helps, self.help.format_map(values))
        return Diagnostic(
            code=self.code,
            severity=self.severity,
            title=self.title.format_map(values),
            primary=None if self.span is None else Label(self.span, self.label.format_map(values)),
            secondary=self.secondary(),
            helps=helps,
            notes=self.notes(),
        )

    @classmethod
    def page(cls) -> str:
        """Return the page that `qcompile explain` prints."""
        from inspect import cleandoc

        explanation = cleandoc(cls.explanation) or NO_EXPLANATION
        return f"{cls.code} ({cls.severity}): {cls.title}\n\n{explanation}\n"


Kind = TypeVar("Kind", bound=Message)


def message(
    code: str,
    title: str,
    *,
    severity: Severity = "error",
    label: str = "",
    help: str | None = None,
    first_label: str = "",
) -> Callable[[type[Kind]], type[Kind]]:
    """Give a message its code and its texts, `str.format` templates over its fields.

    A tuple is shown as its items joined by commas. `help` is advice that always holds.
    """

    def decorate(kind: type[Kind]) -> type[Kind]:
        kind.code, kind.severity, kind.title = code, severity, title
        kind.label, kind.help, kind.first_label = label, help, first_label
        kind.explanation = kind.__doc__ or ""
        return kind

    return decorate


class ModuleMessage(Message):
    """A fault of one module of a model, or the same fault of several."""

    module: str
    others: tuple[str, ...] = ()
    """Further modules with this fault."""

    def notes(self) -> tuple[str, ...]:
        return the_same_for(self.others)


def the_same_for(modules: tuple[str, ...]) -> tuple[str, ...]:
    """The note that a fault is not of one module alone; nothing without others."""
    if not modules:
        return ()
    listed = ", ".join(f"`{printable(name)}`" for name in modules[:SHOWN_MODULES])
    if len(modules) == 1:
        return (f"the same holds for {listed}",)
    more = ", …" if len(modules) > SHOWN_MODULES else ""
    return (f"the same holds for {len(modules)} more modules: {listed}{more}",)


def did_you_mean(candidates: tuple[str, ...]) -> tuple[str, ...]:
    """Return the advice that names the nearest candidates; nothing without candidates."""
    if not candidates:
        return ()
    *others, last = (f"`{printable(name)}`" for name in candidates)
    listed = f"{', '.join(others)} or {last}" if others else last
    return (f"did you mean {listed}?",)


class _Text(str):
    """Stands for a number, so it accepts the format specification of one."""

    __slots__ = ()

    def __format__(self, specification: str) -> str:
        return str(self)


def _shown(value: object) -> object:
    match value:
        case str():
            return _clip(printable(value))
        case tuple():
            return _clip(", ".join(str(_shown(item)) for item in value[: LONGEST_VALUE + 1]))
        case int() if value.bit_length() > 256:
            # str() of an int raises beyond sys.get_int_max_str_digits().
            return _Text(f"{'-' if value < 0 else ''}2^{value.bit_length() - 1} or more")
        case _:
            return value


def _clip(text: str) -> str:
    if len(text) <= LONGEST_VALUE:
        return text
    half = (LONGEST_VALUE - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"
