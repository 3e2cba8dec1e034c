"""QA232x: axes of tensor gates and blocks of orthogonal maps."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message
from qcompile.diagnostics.nearest import dividing_blocks


@message(
    "QA2321",
    "the modes hold {product} elements, but the {what} has {width}",
    label="product {product}",
    help="give `sites` instead, and modes are found for any width",
)
class AxesTooSmall(Message):
    """Tensor gates act on one set of axes, which holds both the value and the result. Their product
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


@message(
    "QA2322",
    "a value {width} wide cannot be divided into blocks of {block}",
    label="{width} is no multiple of {block}",
)
class BlocksDoNotFit(Message):
    """
    Operations such as `cayley` multiply every block of neighbouring elements by a matrix of its
    own, so the blocks must fill the value.

    Erroneous:  h = linear(x, to: 6)
                u = cayley(h, block: 4)
    Corrected:  h = linear(x, to: 6)
                u = cayley(h, block: 3)
    """

    block: int
    width: int

    def helps(self) -> tuple[str, ...]:
        return blocks_that_fit(self.width, self.block)


@message(
    "QA2323",
    "`axes` must name each of the {count} axes once",
    label="0 to {last} in some order",
)
class AxesNotAPermutation(Message):
    """`permute(v, modes: …, axes: …)` has as many axes as modes. `axes` says which axis of the
    value comes first, second, and so on, from 0.

    Erroneous:  h = linear(x, to: 32)
                u = permute(h, modes: [4, 8], axes: [1, 2])
    Corrected:  h = linear(x, to: 32)
                u = permute(h, modes: [4, 8], axes: [1, 0])
    """

    count: int
    last: int


def blocks_that_fit(width: int, block: int) -> tuple[str, ...]:
    """The advice for a width that `block` does not divide."""
    sizes = dividing_blocks(width, block)
    if not sizes:
        return ("no block divides it; bring the value to another width with `linear` first",)
    return (f"the nearest sizes that divide {width}: {', '.join(map(str, sizes))}",)
