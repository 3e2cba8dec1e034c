"""QA232x: axes of tensor gates and blocks of orthogonal maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.message import Message
from qcompile.diagnostics.nearest import dividing_blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class AxesTooSmall(Message):
    """Modes of tensor gates whose product is below a width."""

    code: ClassVar[str] = "QA2321"
    title: ClassVar[str] = "the modes hold {product} elements, but the {what} has {width}"
    label: ClassVar[str] = "product {product}"
    help: ClassVar[str | None] = "give `sites` instead, and modes are found for any width"
    explanation: ClassVar[str] = """
    Tensor gates act on one set of axes, which holds both the value and the result. Their product
    must be at least the larger of the two widths; what is above a width is padded or cut.

    Erroneous:  h = linear(x, to: 32)
                u = tensor_gates(h, to: 64, modes: [4, 8])
    Corrected:  h = linear(x, to: 32)
                u = tensor_gates(h, to: 64, modes: [8, 8])
    """

    product: int
    what: str
    """`value` or `result`."""
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlocksDoNotFit(Message):
    """A width that is no multiple of the block."""

    code: ClassVar[str] = "QA2322"
    title: ClassVar[str] = "a value {width} wide cannot be divided into blocks of {block}"
    label: ClassVar[str] = "{width} is no multiple of {block}"
    explanation: ClassVar[str] = """
    `cayley` multiplies every block of neighbouring elements by an orthogonal matrix of its own, so
    the blocks must fill the value.

    Erroneous:  h = linear(x, to: 6)
                u = cayley(h, block: 4)
    Corrected:  h = linear(x, to: 6)
                u = cayley(h, block: 3)
    """

    block: int
    width: int

    def helps(self) -> tuple[str, ...]:
        return blocks_that_fit(self.width, self.block)


def blocks_that_fit(width: int, block: int) -> tuple[str, ...]:
    """The advice for a width that `block` does not divide."""
    sizes = dividing_blocks(width, block)
    if not sizes:
        return ("no block divides it; bring the value to another width with `linear` first",)
    return (f"the nearest sizes that divide {width}: {', '.join(map(str, sizes))}",)
