"""Scalars evaluated for the sizes of one module."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from qcompile.diagnostics.messages.lowering import (
    NotKnownOfModule,
    NoValueAtSize,
    OutOfRangeAtSize,
    ValueTooWide,
    WrongNumber,
)
from qcompile.diagnostics.source import Span
from qcompile.ir.limits import MAX_WIDTH
from qcompile.ir.scalar import (
    MODULE_FACTS,
    Scalar,
    ScalarError,
    ScalarValue,
    UnknownVariable,
    evaluate_scalar,
    variables,
)
from qcompile.passes.lowering.facts import ModuleFacts
from qcompile.passes.lowering.report import LoweringReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """What is known of a module, and loop variables.

    Every method raises `Refused` where there is no value.
    """

    variables: Mapping[str, ScalarValue]
    report: LoweringReport
    facts: ModuleFacts = field(default_factory=ModuleFacts)
    read: set[str] = field(default_factory=set)
    """The names of `MODULE_FACTS` that scalars have mentioned so far."""

    def bound(self, name: str, value: int) -> Sizing:
        """This sizing inside a loop."""
        return replace(self, variables={**self.variables, name: value})

    def value(self, scalar: Scalar, span: Span | None) -> ScalarValue:
        """Whatever the scalar is; `span` serves where it has none of its own."""
        self.read.update(variables(scalar).intersection(MODULE_FACTS))
        try:
            return evaluate_scalar(scalar, self.variables)
        except UnknownVariable as error:
            self.report.refuse(
                NotKnownOfModule(
                    name=error.name,
                    reason=self.facts.reason(error.name),
                    span=error.span or scalar.span or span,
                )
            )
        except ScalarError as error:
            self.report.refuse(
                NoValueAtSize(reason=error.reason, span=error.span or scalar.span or span)
            )
        except RecursionError:
            reason = "it is nested too deeply"
            self.report.refuse(NoValueAtSize(reason=reason, span=scalar.span or span))

    def integer(
        self,
        scalar: Scalar,
        what: str,
        span: Span | None,
        *,
        low: int | None = None,
        high: int | None = None,
    ) -> int:
        """An integer in low..high, both inclusive; `what` names it in messages."""
        span = scalar.span or span
        value = self.value(scalar, span)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.report.refuse(
                WrongNumber(what=what, expected="an integer", value=shown(value), span=span)
            )
        if (low is not None and value < low) or (high is not None and value > high):
            bounds = f"at least {low}" if high is None else f"between {low} and {high}"
            self.report.refuse(
                OutOfRangeAtSize(what=what, bounds=bounds, value=str(value), span=span)
            )
        return value

    def truth(self, scalar: Scalar, what: str, span: Span | None) -> bool:
        """A truth value."""
        span = scalar.span or span
        value = self.value(scalar, span)
        if not isinstance(value, bool):
            self.report.refuse(
                WrongNumber(what=what, expected="a truth value", value=shown(value), span=span)
            )
        return value

    def real(self, scalar: Scalar, what: str, span: Span | None) -> float:
        """A finite number."""
        span = scalar.span or span
        value = self.value(scalar, span)
        if isinstance(value, (bool, str)) or not math.isfinite(value):
            self.report.refuse(
                WrongNumber(what=what, expected="a number", value=shown(value), span=span)
            )
        return float(value)


def checked_width(scalar: Scalar, what: str, span: Span | None, sizing: Sizing) -> int:
    """A width of at least 1 that is within the limit; raises `Refused` otherwise."""
    width = sizing.integer(scalar, what, span, low=1)
    if width > MAX_WIDTH:
        sizing.report.refuse(ValueTooWide(width=width, limit=MAX_WIDTH, span=scalar.span or span))
    return width


def shown(value: ScalarValue) -> str:
    """A value as the language writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"'
        case _:
            return repr(value)
