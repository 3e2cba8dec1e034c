"""Values of parameters given outside the file: `-D name=value`, or by a Python program."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.parameters import (
    MalformedOverride,
    UnknownAdapter,
    UnknownParameter,
)
from qcompile.diagnostics.messages.usage import BadDefinition
from qcompile.diagnostics.source import Source, Span
from qcompile.grammar.elaborate.session import Session
from qcompile.grammar.limits import NUMBER_DIGITS
from qcompile.grammar.numbers import UNITS, is_well_formed, number_value, split
from qcompile.grammar.syntax import AdapterItem, Parameter
from qcompile.ir.operands import Typed
from qcompile.ir.scalar import MAX_MAGNITUDE, Constant, ScalarValue

_TARGET = re.compile(r"(?:([A-Za-z_][A-Za-z0-9_]*)\.)?([A-Za-z_][A-Za-z0-9_]*)")

NO_NAME = "no name of a parameter"

EXPECTED = {
    "int": "a whole number, such as 8",
    "real": "a number, such as 0.5 or 2pct",
    "bool": "true or false",
    "text": "a text",
}


@dataclass(frozen=True, slots=True)
class Override:
    """A value for a parameter; `adapter` None: of every adapter that has it."""

    adapter: str | None
    name: str
    text: str
    """As after `-D`."""
    value: ScalarValue | None = None
    """As a Python program has it; None: what the text says."""

    @classmethod
    def of(cls, name: str, value: ScalarValue) -> Override:
        """Take `name` or `adapter.name` and the value itself.

        Raises:
            UsageError: QA0018, the name is none of a parameter.
        """
        text = str(value).lower() if isinstance(value, bool) else _shown(value)
        found = _TARGET.fullmatch(name.strip())
        if found is None:
            raise UsageError(BadDefinition(text=f"{name}={text}", reason=NO_NAME))
        return cls(adapter=found[1], name=found[2], text=text, value=value)

    @classmethod
    def parse(cls, definition: str) -> Override:
        """Read what stands after `-D`.

        Raises:
            UsageError: It is not of the form `name=value` or `adapter.name=value`.
        """
        target, equals, text = definition.partition("=")
        found = _TARGET.fullmatch(target.strip())
        if not equals or found is None:
            reason = NO_NAME if equals else "no value"
            raise UsageError(BadDefinition(text=definition, reason=reason))
        return cls(adapter=found[1], name=found[2], text=text)

    def __str__(self) -> str:
        prefix = f"{self.adapter}." if self.adapter else ""
        return f"{prefix}{self.name}={self.text}"

    @property
    def source(self) -> Source:
        return Source("-D", str(self))

    @property
    def value_span(self) -> Span:
        source = self.source
        return Span(source, len(source.text) - len(self.text), len(source.text))

    @property
    def name_span(self) -> Span:
        source = self.source
        return Span(source, 0, len(source.text) - len(self.text) - 1)


def check_overrides(
    session: Session, overrides: Sequence[Override], adapters: Sequence[AdapterItem]
) -> None:
    """Report overrides whose adapter or parameter does not exist."""
    if not adapters:
        return
    by_name = {item.name.text: item for item in adapters}
    for override in overrides:
        if override.adapter is not None and override.adapter not in by_name:
            near = session.nearest(override.adapter, by_name)
            session.report(
                UnknownAdapter(span=override.name_span, name=override.adapter, candidates=near)
            )
            continue
        chosen = [by_name[override.adapter]] if override.adapter else list(by_name.values())
        names = {parameter.name.text for item in chosen for parameter in item.parameters}
        if override.name not in names:
            if override.adapter or len(chosen) == 1:
                where = f" in adapter `{chosen[0].name.text}`"
            else:
                where = " in any adapter of the file"
            near = session.nearest(override.name, sorted(names))
            session.report(
                UnknownParameter(
                    span=override.name_span, name=override.name, where=where, candidates=near
                )
            )


def find_override(overrides: Iterable[Override], adapter: str, parameter: str) -> Override | None:
    """Return what counts for a parameter: the last one, those that name the adapter first."""
    found: Override | None = None
    for override in overrides:
        if override.name != parameter or override.adapter not in (None, adapter):
            continue
        if found is not None and found.adapter is not None and override.adapter is None:
            continue
        found = override
    return found


def read_override(session: Session, override: Override, parameter: Parameter) -> Typed | None:
    """Take the value of an override as one of the parameter's declared type."""
    kind = "" if parameter.type is None else parameter.type.text
    if kind not in EXPECTED:
        return None
    value = _value(override, kind)
    if value is None:
        session.report(
            MalformedOverride(
                span=override.value_span,
                text=override.text,
                name=override.name,
                type=kind,
                expected=EXPECTED[kind],
                first=parameter.span,
            )
        )
        return None
    span = override.value_span
    scalar = Constant(value=value, span=span)
    match kind:
        case "int":
            return Typed(type="int", scalar=scalar, span=span)
        case "real":
            return Typed(type="real", scalar=scalar, span=span)
        case "bool":
            return Typed(type="bool", scalar=scalar, span=span)
    return Typed(type="text", scalar=scalar, span=span)


def _value(override: Override, kind: str) -> ScalarValue | None:
    value = override.value
    if kind == "text" and isinstance(value, str):
        return value
    if value is None or isinstance(value, str) or kind == "text":
        return literal(override.text, kind)
    if isinstance(value, bool) or kind == "bool":
        return value if isinstance(value, bool) and kind == "bool" else None
    if not abs(value) <= MAX_MAGNITUDE:
        return None
    if kind == "real":
        return float(value)
    return value if isinstance(value, int) else None


def _shown(value: int | float | str) -> str:
    # str() of an int raises beyond sys.get_int_max_str_digits().
    if isinstance(value, int) and abs(value) > MAX_MAGNITUDE:
        return f"{'-' if value < 0 else ''}2^{value.bit_length() - 1} or more"
    return str(value)


def literal(text: str, kind: str) -> ScalarValue | None:
    """Return the value of a literal of a declared type, None where it is none."""
    text = text.strip()
    if kind == "bool":
        return {"true": True, "false": False}.get(text)
    if kind == "text":
        quoted = len(text) >= 2 and text[0] == text[-1] == '"'
        return text[1:-1] if quoted else text
    sign = -1 if text.startswith("-") else 1
    digits = text[1:] if text[:1] in ("-", "+") else text
    number, unit = split(digits)
    if len(digits) > 2 * NUMBER_DIGITS or not is_well_formed(number):
        return None
    if unit and unit not in UNITS:
        return None
    value = number_value(digits)
    if not abs(value) <= MAX_MAGNITUDE:
        return None
    if kind == "real":
        return sign * float(value)
    return sign * value if isinstance(value, int) else None
