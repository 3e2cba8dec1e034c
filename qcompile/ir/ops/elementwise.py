"""Functions of every element by itself: one row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from qcompile.ir.machine import ELEMENTARY_FUNCTION
from qcompile.ir.node import Dependence, ElementwiseNode, Needed, NodeWork
from qcompile.ir.operands import Operand, Typed
from qcompile.ir.operation import CallReader, Operation
from qcompile.ir.signature import value_option
from qcompile.ir.spec_node import Lowering, UnarySpec
from qcompile.ir.verification import require


@dataclass(frozen=True, slots=True, kw_only=True)
class Elementwise:
    """A function of one real number."""

    meaning: str
    torch: str | None = None
    """Its path below `torch`; None: the simulator's own."""
    cheap: bool = False
    """One FLOP an element, not an elementary function."""
    zero_at_zero: bool = False
    """f(0) = 0."""
    flat: bool = False
    """No gradient passes it."""
    of_numbers: bool = False
    """Also a function of the numbers of the language."""
    called: bool = True
    """Whether files may call it."""


ELEMENTWISE: MappingProxyType[str, Elementwise] = MappingProxyType(
    {
        "relu": Elementwise(meaning="max(v, 0)", torch="relu", cheap=True, zero_at_zero=True),
        "gelu": Elementwise(
            meaning="Gaussian error linear unit", torch="nn.functional.gelu", zero_at_zero=True
        ),
        "silu": Elementwise(
            meaning="v · sigmoid(v)", torch="nn.functional.silu", zero_at_zero=True
        ),
        "tanh": Elementwise(meaning="hyperbolic tangent", torch="tanh", zero_at_zero=True),
        "sigmoid": Elementwise(meaning="1 / (1 + e^-v)", torch="sigmoid"),
        "sin": Elementwise(meaning="sine", torch="sin", zero_at_zero=True),
        "cos": Elementwise(meaning="cosine", torch="cos"),
        "exp": Elementwise(meaning="e^v; of a number: a number", torch="exp", of_numbers=True),
        "softplus": Elementwise(meaning="log(1 + e^v)", torch="nn.functional.softplus"),
        "leaky_relu": Elementwise(
            meaning="v where v > 0, else 0.01 v",
            torch="nn.functional.leaky_relu",
            cheap=True,
            zero_at_zero=True,
        ),
        "sqrt": Elementwise(
            meaning="square root, its slope infinite at 0; of a number: a number",
            torch="sqrt",
            zero_at_zero=True,
            of_numbers=True,
        ),
        "log": Elementwise(
            meaning="natural logarithm; of a number: a number", torch="log", of_numbers=True
        ),
        "abs": Elementwise(
            meaning="absolute value; of a number: a number",
            torch="abs",
            cheap=True,
            zero_at_zero=True,
            of_numbers=True,
        ),
        "square": Elementwise(meaning="v · v", torch="square", cheap=True, zero_at_zero=True),
        "reciprocal": Elementwise(meaning="1 / v", torch="reciprocal", called=False),
        "detach": Elementwise(
            meaning="v, with no gradient through it",
            torch="detach",
            cheap=True,
            zero_at_zero=True,
            flat=True,
        ),
        "step": Elementwise(
            meaning="1 where v > 0, else 0; NaN stays NaN",
            cheap=True,
            zero_at_zero=True,
            flat=True,
            called=False,
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationNode(ElementwiseNode):
    """A function of `ELEMENTWISE`."""

    SAVES = True

    kind: str

    @property
    def function(self) -> Elementwise:
        return ELEMENTWISE[self.kind]

    def verify(self, widths: Sequence[int]) -> Needed:
        require(self.kind in ELEMENTWISE, f"`{self.kind}` is no function")
        return ElementwiseNode.verify(self, widths)

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        if parts[0] == "zero" and self.function.zero_at_zero:
            return "zero"
        return "constant" if parts[0] in ("zero", "constant") else "other"

    def work(self, widths: Sequence[int]) -> NodeWork:
        return NodeWork(
            each=float(self.width * (1 if self.function.cheap else ELEMENTARY_FUNCTION))
        )

    @property
    def mnemonic(self) -> str:
        return self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecActivation(UnarySpec):
    """A function of `ELEMENTWISE`."""

    kind: str

    def verify(self) -> None:
        require(self.kind in ELEMENTWISE, f"`{self.kind}` is no function")

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        node = ActivationNode(operand=operand, kind=self.kind, width=lowering.width(operand))
        return lowering.append(node, self.span)


def _operation(name: str, row: Elementwise) -> Operation:
    def build(call: CallReader) -> Operand:
        operand = call.operand("v")
        if isinstance(operand, Typed) and operand.is_number and row.of_numbers:
            return call.combine(name, operand)
        value = call.as_value(operand)
        if value is None or not call.ok:
            return None
        node = SpecActivation(operand=value.node, kind=name, span=call.span)
        return call.add(node, value.width)

    return Operation(
        name=name,
        family="activation",
        options=(value_option(),),
        meaning=row.meaning,
        width="that of v",
        of_numbers=row.of_numbers,
        build=build,
    )


OPERATIONS = tuple(_operation(name, row) for name, row in ELEMENTWISE.items() if row.called)
