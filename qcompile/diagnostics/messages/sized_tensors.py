"""QA313x: axes of tensor gates and blocks of orthogonal maps, at the sizes of a module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.messages.tensors import blocks_that_fit
from qcompile.diagnostics.sized import SizedMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class AxesTooSmall(SizedMessage):
    """Modes of tensor gates whose product is below a width."""

    code: ClassVar[str] = "QA3131"
    title: ClassVar[str] = "modes {modes} hold {product} elements, but the {what} has {width}"
    label: ClassVar[str] = "too small"
    help: ClassVar[str | None] = "give `sites` instead, and modes are found for any width"
    explanation: ClassVar[str] = """
    Tensor gates act on one set of axes, which holds both the value and the result. Their product
    must be at least the larger of the two widths; what is above a width is padded or cut.

    Erroneous:  attach "*.up_proj"
                u = tensor_gates(x, to: out_features, modes: [8, 16])           (for 128 -> 344)
    Corrected:  attach "*.up_proj"
                u = tensor_gates(x, to: out_features, sites: 3)
    """

    modes: tuple[int, ...]
    product: int
    what: str
    """`value` or `result`."""
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlocksDoNotFit(SizedMessage):
    """A width that is no multiple of the block."""

    code: ClassVar[str] = "QA3132"
    title: ClassVar[str] = "a value {width} wide cannot be divided into blocks of {block}"
    label: ClassVar[str] = "{width} is no multiple of {block}"
    explanation: ClassVar[str] = """
    `cayley` multiplies every block of neighbouring elements by an orthogonal matrix of its own, so
    the blocks must fill the value.

    Erroneous:  attach "*.up_proj"
                update cayley(y, block: 16) - y        (for 128 -> 344)
    Corrected:  attach "*.up_proj"
                update cayley(y, block: 8) - y
    """

    block: int
    width: int

    def helps(self) -> tuple[str, ...]:
        return blocks_that_fit(self.width, self.block)
