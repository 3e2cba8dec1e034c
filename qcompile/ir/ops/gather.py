"""`gather(v, n, seed: s)`, `gather(v, at: [ … ])`: elements of a value at drawn or given places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.attachment import PlaceOutOfRange
from qcompile.diagnostics.messages.calls import MissingArgument, OptionsExclude
from qcompile.diagnostics.messages.sized_tensors import TooFewElements
from qcompile.ir.limits import MAX_WIDTH
from qcompile.ir.node import Needed, UnaryNode
from qcompile.ir.operands import Value, integer
from qcompile.ir.operation import CallReader, Operation
from qcompile.ir.ops.lookup import PickNode
from qcompile.ir.ops.scatter import MAX_SEED, SEED, drawn_places
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import Option, value_option
from qcompile.ir.spec_node import Lowering, UnarySpec
from qcompile.ir.verification import require


@dataclass(frozen=True, slots=True, kw_only=True)
class GatherNode(UnaryNode):
    """The elements at `drawn_places(width of the operand, width, seed)`, in this order."""

    LINEAR = True
    DETAIL = "seed {node.seed}"

    width: int
    seed: int

    def verify(self, widths: Sequence[int]) -> Needed:
        require(0 <= self.seed <= MAX_SEED, "a bad seed")
        require(1 <= self.width <= widths[0], "more places than elements")
        return ()

    def on_tokens(self, width: int) -> PickNode:
        places = tuple(drawn_places(width, self.width, self.seed))
        return PickNode(operand=self.operand, places=places)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecGather(UnarySpec):
    """`gather(v, n, seed: s)`"""

    to: Scalar
    seed: Scalar

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        count = lowering.size(self.to, "the width of a `gather`", self.span)
        seed = lowering.integer(self.seed, "a seed", self.span, low=0, high=MAX_SEED)
        width = lowering.width(operand)
        if count > width:
            lowering.refuse(TooFewElements(count=count, width=width, span=self.span))
        node = GatherNode(operand=operand, width=count, seed=seed)
        return lowering.append(node, self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecPick(UnarySpec):
    """`gather(v, at: [ … ])`"""

    places: tuple[Scalar, ...]

    def verify(self) -> None:
        require(bool(self.places), "no places")

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        (operand,) = inputs
        width = lowering.width(operand)
        places = []
        for scalar in self.places:
            place = lowering.integer(scalar, "an index", self.span)
            if not 0 <= place < width:
                span = scalar.span or self.span
                lowering.refuse(PlaceOutOfRange(place=place, width=width, span=span))
            places.append(place)
        return lowering.append(PickNode(operand=operand, places=tuple(places)), self.span)


def _build(call: CallReader) -> Value | None:
    value, count, seed = call.value("v"), call.integer("n"), call.integer("seed")
    if call.has("at"):
        return _given(call, value)
    if call.ok and not call.has("n"):
        argument = "`n`, how many elements, or `at`, which ones"
        call.report(MissingArgument(function="gather", argument=argument, span=call.span))
        return None
    if value is None or count is None or seed is None or not call.ok:
        return None
    node = SpecGather(operand=value.node, to=count.scalar, seed=seed.scalar, span=call.span)
    return call.add(node, count)


def _given(call: CallReader, value: Value | None) -> Value | None:
    places = call.integers("at")
    clashes = [name for name in ("n", "seed") if call.has(name)]
    for name in clashes:
        call.report(OptionsExclude(span=call.place(name), one=name, other="at"))
    if places == ():
        argument = "at least one index in `at`"
        call.report(MissingArgument(function="gather", argument=argument, span=call.place("at")))
    if value is None or not places or clashes or not call.ok:
        return None
    found = tuple(place.scalar for place in places)
    node = SpecPick(operand=value.node, places=found, span=call.span)
    return call.add(node, integer(len(places), call.span))


OPERATIONS = (
    Operation(
        name="gather",
        family="structure",
        options=(
            value_option(),
            Option(
                name="n",
                kind="int",
                low=1,
                high=MAX_WIDTH,
                positional=True,
                optional=True,
                meaning="how many",
            ),
            SEED,
            Option(
                name="at",
                kind="ints",
                low=0,
                high=MAX_WIDTH - 1,
                optional=True,
                meaning="their indices, instead of drawn ones",
            ),
        ),
        meaning="n different elements of v, at drawn places, or those `at` given ones",
        width="`n`, or as many as `at` has",
        build=_build,
    ),
)
