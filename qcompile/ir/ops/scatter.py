"""`scatter(v, rows, n, seed: s)`: the elements of a value at drawn places of a table of zeros."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal, cast, get_args

from qcompile.diagnostics.messages.lowering import OutOfRangeAtSize
from qcompile.diagnostics.messages.sizes_of_tables import TooFewPlaces
from qcompile.ir.added_later import ADDED_LATER
from qcompile.ir.domains import FREE, Domain
from qcompile.ir.node import Needed, NodeWork, UnaryNode
from qcompile.ir.operands import Value
from qcompile.ir.operation import CallReader, Operation
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import Option, size_option, value_option
from qcompile.ir.spec_node import Lowering, SpecDomain, UnarySpec
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verification import VerificationError, require

Draw = Literal["sha256", "torch"]
"""Where the numbers come from that places are drawn with."""

MAX_SEED = 2**32 - 1
SEED = Option(
    name="seed",
    kind="int",
    low=0,
    high=MAX_SEED,
    default="0",
    meaning="draws the places, the same for all modules of one size",
)
DRAW = Option(
    name="draw",
    kind="choice",
    choices=get_args(Draw),
    default="sha256",
    meaning="`torch`: the places that torch's `randperm` gives for the seed, as in peft",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScatterNode(UnaryNode):
    """Element k of a vector at the k-th of `drawn_places`, in a table of zeros (rows, width)."""

    LINEAR = True
    DETAIL = "{node.rows} seed {node.seed}"

    rows: int
    width: int
    seed: int
    draw: Draw = field(default="sha256", metadata=ADDED_LATER)

    def words(self, tensors: Sequence[TensorSpec]) -> str:
        words = UnaryNode.words(self, tensors)
        return words if self.draw == "sha256" else f"{words} {self.draw}"

    def domain(self, parts: Sequence[Domain]) -> Domain:
        if parts[0] != FREE:
            raise VerificationError("what is scattered is not one vector")
        return Domain("rows", self.rows)

    def verify(self, widths: Sequence[int]) -> Needed:
        require(self.rows >= 1 and 0 <= self.seed <= MAX_SEED, "a bad number of rows, or seed")
        require(self.draw in get_args(Draw), "an unknown draw")
        limit = MOST_OF_TORCH if self.draw == "torch" else math.inf
        require(self.rows * self.width < limit, "too many places for torch's draw")
        require(widths[0] <= self.rows * self.width, "more elements than places")
        return ()

    def work(self, widths: Sequence[int]) -> NodeWork:
        return NodeWork(peak=self.rows * self.width)


def drawn_places(total: int, count: int, seed: int, draw: Draw = "sha256") -> list[int]:
    """`count` distinct numbers below `total`, a function of the arguments alone, on any machine.

    The first steps of the Fisher–Yates shuffle, with 64-bit numbers of sha256(seed, counter), or
    with those of the Mersenne Twister, as `torch.randperm(total)[:count]` on the CPU for a total
    below `MOST_OF_TORCH`.
    """
    moved: dict[int, int] = {}
    found: list[int] = []
    numbers = _numbers(seed) if draw == "sha256" else _twister(seed)
    for index, number in zip(range(count), numbers, strict=False):
        other = index + number % (total - index)
        found.append(moved.get(other, other))
        moved[other] = moved.get(index, index)
    return found


MOST_OF_TORCH = (2**32 - 1) // 20
"""From so many numbers on, torch shuffles in another way, whose first places need all steps."""


def _twister(seed: int) -> Iterator[int]:
    """MT19937, started as in Matsumoto and Nishimura's `init_genrand`."""
    state = [seed]
    for index in range(1, 624):
        last = state[-1]
        state.append((1812433253 * (last ^ last >> 30) + index) % 2**32)
    twister = Random()
    twister.setstate((3, (*state, 624), None))
    while True:
        yield twister.getrandbits(32)


def _numbers(seed: int) -> Iterator[int]:
    counter = 0
    while True:
        digest = hashlib.sha256(f"{seed} {counter}".encode()).digest()
        yield from (int.from_bytes(digest[k : k + 8], "big") for k in range(0, 32, 8))
        counter += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecScatter(UnarySpec):
    """`scatter(v, rows, n, seed: s)`"""

    rows: Scalar
    to: Scalar
    seed: Scalar
    draw: Draw = field(default="sha256", metadata=ADDED_LATER)

    def domain(self, parts: Sequence[SpecDomain]) -> SpecDomain:
        return "rows"

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        rows = lowering.size(self.rows, "the number of rows", self.span)
        width = lowering.size(self.to, "the width of a table", self.span)
        seed = lowering.integer(self.seed, "a seed", self.span, low=0, high=MAX_SEED)
        count = lowering.width(operand)
        if count > rows * width:
            lowering.refuse(TooFewPlaces(count=count, rows=rows, width=width, span=self.span))
        if self.draw == "torch" and rows * width >= MOST_OF_TORCH:
            bounds = f"below {MOST_OF_TORCH:,}"
            what = "the number of places for `draw: torch`"
            value = f"{rows * width:,}"
            lowering.refuse(OutOfRangeAtSize(what=what, bounds=bounds, value=value, span=self.span))
        node = ScatterNode(operand=operand, rows=rows, width=width, seed=seed, draw=self.draw)
        return lowering.append(node, self.span)


def _build(call: CallReader) -> Value | None:
    value, rows, width = call.value("v"), call.integer("rows"), call.integer("n")
    seed, draw = call.integer("seed"), call.choice("draw")
    if value is None or rows is None or width is None or seed is None or not call.ok:
        return None
    if not call.expect(value, "the argument of `scatter`", "free"):
        return None
    node = SpecScatter(
        operand=value.node,
        rows=rows.scalar,
        to=width.scalar,
        seed=seed.scalar,
        draw=cast(Draw, draw),
        span=call.span,
    )
    return call.add(node, width)


OPERATIONS = (
    Operation(
        name="scatter",
        family="table",
        options=(
            value_option("a value that does not depend on `x`"),
            size_option("rows", "number of rows"),
            size_option("n", "their width"),
            SEED,
            DRAW,
        ),
        meaning="a table of zeros with the elements of v at drawn places",
        width="`n`, a table",
        build=_build,
    ),
)
