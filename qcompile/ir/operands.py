"""What an expression can stand for. None everywhere: nothing, and that has been reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qcompile.diagnostics.source import Span
from qcompile.ir.scalar import Constant, Scalar, ScalarValue

ScalarType = Literal["int", "ratio", "real", "bool", "text"]
"""`ratio`: a real that is a whole number where a division comes out exactly."""

TYPE_WORDS: dict[ScalarType, str] = {
    "int": "a whole number",
    "ratio": "a number",
    "real": "a number",
    "bool": "a truth value",
    "text": "a text",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A scalar with its static type."""

    type: ScalarType
    scalar: Scalar
    span: Span
    parts: int = 1
    """Nodes of the formula, written out."""
    depth: int = 1

    @property
    def constant(self) -> ScalarValue | None:
        """The value, where it is known."""
        return self.scalar.value if isinstance(self.scalar, Constant) else None

    @property
    def is_number(self) -> bool:
        return self.type in ("int", "ratio", "real")

    @property
    def word(self) -> str:
        return TYPE_WORDS[self.type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A node of the graph with its width, None where that is not known here."""

    node: int
    width: Typed | None
    span: Span

    @property
    def word(self) -> str:
        return "a value of the graph"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankName:
    """A bank of trainable angles of the circuit at hand."""

    position: int
    size: Typed | None
    span: Span

    @property
    def word(self) -> str:
        return "a bank of angles"


Operand = Typed | Value | BankName | None


def integer(value: int, span: Span) -> Typed:
    """Return a whole number as a scalar."""
    return Typed(type="int", scalar=Constant(value=value, span=span), span=span)


def real(value: float, span: Span) -> Typed:
    """Return a number as a scalar."""
    return Typed(type="real", scalar=Constant(value=value, span=span), span=span)
