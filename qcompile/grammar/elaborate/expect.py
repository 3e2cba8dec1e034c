"""Turns operands into what a place needs: a whole number in a range, a constant, a value …"""

from __future__ import annotations

from dataclasses import replace

from qcompile.diagnostics.messages.types import NeedsConstant, NotAnInteger, OutOfRange, WrongType
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.session import Session
from qcompile.grammar.syntax import Expr
from qcompile.ir.operands import Operand, Typed, Value
from qcompile.ir.scalar import Constant, ScalarValue, variables


def as_integer(
    session: Session,
    operand: Operand,
    what: str,
    *,
    low: float | None = None,
    high: float | None = None,
) -> Typed | None:
    """Return a whole number in a range; what depends on model sizes is checked in lowering."""
    if operand is None:
        return None
    if not isinstance(operand, Typed) or not operand.is_number:
        session.report(
            WrongType(span=operand.span, what=what, expected="a whole number", found=operand.word)
        )
        return None
    value = operand.constant
    if isinstance(value, float):
        session.report(NotAnInteger(span=operand.span, what=what, value=value))
        return None
    if value is None and operand.type == "real":
        session.report(
            WrongType(
                span=operand.span,
                what=what,
                expected="a whole number",
                found="a number that need not be whole",
            )
        )
        return None
    return operand if in_range(session, operand, what, low, high) else None


def as_real(
    session: Session,
    operand: Operand,
    what: str,
    *,
    low: float | None = None,
    high: float | None = None,
) -> Typed | None:
    """Return a number in a range."""
    if operand is None:
        return None
    if not isinstance(operand, Typed) or not operand.is_number:
        session.report(
            WrongType(span=operand.span, what=what, expected="a number", found=operand.word)
        )
        return None
    return operand if in_range(session, operand, what, low, high) else None


def in_range(
    session: Session, operand: Typed, what: str, low: float | None, high: float | None
) -> bool:
    """Report a constant outside low..high, both included."""
    value = operand.constant
    if value is None or isinstance(value, (str, bool)):
        return True
    if (low is None or value >= low) and (high is None or value <= high):
        return True
    bounds = f"at least {low:g}" if low is not None else ""
    if high is not None:
        upper = f"at most {_limit(high)}"
        bounds = f"{bounds} and {upper}" if bounds else upper
    session.report(OutOfRange(span=operand.span, what=what, bounds=bounds, value=value))
    return False


def _limit(value: float) -> str:
    """Exact, and as a power where it is a large one."""
    if value < 10**6 or value != int(value):
        return f"{value:g}"
    number = int(value)
    tens, twos = len(str(number)) - 1, number.bit_length() - 1
    return next(
        (f"{base}^{k}" for base, k in ((10, tens), (2, twos)) if base**k == number), f"{number}"
    )


def as_bool(session: Session, operand: Operand, what: str) -> Typed | None:
    """Return a truth value."""
    return _of_type(session, operand, what, "bool", "a truth value")


def as_text(session: Session, operand: Operand, what: str) -> Typed | None:
    """Return a text."""
    return _of_type(session, operand, what, "text", "a text")


def _of_type(
    session: Session, operand: Operand, what: str, kind: str, expected: str
) -> Typed | None:
    if operand is None:
        return None
    if isinstance(operand, Typed) and operand.type == kind:
        return operand
    session.report(WrongType(span=operand.span, what=what, expected=expected, found=operand.word))
    return None


def as_declared(session: Session, operand: Operand, what: str, kind: str) -> Typed | None:
    """Return a value of a parameter's declared type; whole numbers become reals where declared."""
    match kind:
        case "int":
            return as_integer(session, operand, what)
        case "real":
            found = as_real(session, operand, what)
            if found is None:
                return None
            value = found.constant
            if isinstance(value, int):
                scalar = Constant(value=float(value), span=found.span)
                return replace(found, type="real", scalar=scalar)
            return replace(found, type="real")
        case "bool":
            return as_bool(session, operand, what)
        case "text":
            return as_text(session, operand, what)
        case _:
            # An unknown type has been reported where it is written.
            return None


def as_value(session: Session, operand: Operand, what: str) -> Value | None:
    """Return a value of the graph."""
    if operand is None or isinstance(operand, Value):
        return operand
    session.report(
        WrongType(span=operand.span, what=what, expected="a value of the graph", found=operand.word)
    )
    return None


def unknown_argument(operand: Typed) -> bool:
    """Whether a scalar depends on an argument of a block or layer that is checked by itself."""
    return operand.constant is None and any(
        name.startswith("$") for name in variables(operand.scalar)
    )


def constant(session: Session, operand: Typed | None, what: str) -> ScalarValue | None:
    """Return the value of a scalar that must be known without a model."""
    if operand is None:
        return None
    if operand.constant is None and not unknown_argument(operand):
        names = ", ".join(f"`{name}`" for name in sorted(variables(operand.scalar)))
        session.report(NeedsConstant(span=operand.span, what=what, names=names))
    return operand.constant


def whole(
    frame: Frame, expr: Expr, what: str, low: float | None = None, high: float | None = None
) -> Typed | None:
    """Evaluate an expression to a whole number, its span that of the expression."""
    return as_integer(frame.session, frame.evaluate(expr), what, low=low, high=high)


def known_integer(
    frame: Frame, expr: Expr, what: str, low: float | None = None, high: float | None = None
) -> int | None:
    """Evaluate an expression to a whole number that is known without a model."""
    value = constant(frame.session, whole(frame, expr, what, low, high), what)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def known_real(
    frame: Frame, expr: Expr, what: str, low: float | None = None, high: float | None = None
) -> float | None:
    """Evaluate an expression to a number that is known without a model."""
    found = as_real(frame.session, frame.evaluate(expr), what, low=low, high=high)
    value = constant(frame.session, found, what)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def at(operand: Operand, span: Span) -> Operand:
    """Return the operand as it is read at another place, for messages to point there."""
    return None if operand is None else replace(operand, span=span)
