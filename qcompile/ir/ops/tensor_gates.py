"""`tensor_gates(x, to: n, sites: k)`: dense tensors on pairs of axes; QuanTA, arXiv:2406.00132."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.calls import MissingArgument, OptionsExclude
from qcompile.diagnostics.messages.lowering import OutOfRangeAtSize
from qcompile.diagnostics.messages.sized_tensors import AxesTooSmallAtSize
from qcompile.diagnostics.messages.tensors import AxesTooSmall
from qcompile.diagnostics.messages.types import OutOfRange
from qcompile.ir.chain import Axis, Chain, MultilinearNode, extents_text
from qcompile.ir.initialisation import DRAWN, IDENTITY
from qcompile.ir.limits import MAX_GATE_SITES, MAX_WIDTH
from qcompile.ir.modes import Modes, resolve_modes
from qcompile.ir.node import Needed
from qcompile.ir.operands import Typed, Value
from qcompile.ir.operation import CallReader, Operation
from qcompile.ir.patterns import FREE_PATTERNS, PATTERNS
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import FROZEN, SHARE, TO, Option, init_option, value_option
from qcompile.ir.spec_node import Lowering, TrainableUnarySpec
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.text_values import tensor_name
from qcompile.ir.verification import require

GATE_PATTERNS = tuple(sorted(FREE_PATTERNS, key=lambda name: name != "all"))
"""The default first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorGatesNode(MultilinearNode):
    """Dense tensors on pairs of axes, one after the other.

    The operand is zero-padded to ∏ modes and reshaped to them. Tensor `gates[k]`, of shape
    (d_i d_j, d_i d_j), maps the axes (i, j) = `pairs[k]` to axes of the same extents, row-major in
    this order. The result is flattened and cut to `width`.
    """

    TENSORS = ("gates",)

    gates: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    modes: tuple[int, ...]
    width: int

    def verify(self, widths: Sequence[int]) -> Needed:
        modes, sites = self.modes, len(self.modes)
        require(all(extent >= 1 for extent in modes), "a mode below 1")
        holds = math.prod(modes) >= max(widths[0], self.width)
        require(holds, "the modes do not hold the values")
        require(bool(self.gates), "no gates")
        require(len(self.pairs) == len(self.gates), "not one pair of axes for each gate")
        for i, j in self.pairs:
            require(i != j and {i, j} <= set(range(sites)), f"({i}, {j}) is no pair of axes")
        sides = (modes[i] * modes[j] for i, j in self.pairs)
        return tuple((gate, (side, side)) for gate, side in zip(self.gates, sides, strict=True))

    def join(self, chain: Chain) -> None:
        """Each gate takes the labels of its two axes and gives them new ones."""
        modes, current = self.modes, list(chain.split(self.modes))
        for gate, (i, j) in zip(self.gates, self.pairs, strict=True):
            extents, taken = (modes[i], modes[j]), (current[i], current[j])
            current[i], current[j] = map(chain.label, extents)
            rows = Axis.of(extents, (current[i], current[j]))
            chain.place(gate, rows, Axis.of(extents, taken))
        chain.leave(self.width, Axis.of(modes, tuple(current)))

    @property
    def label(self) -> str:
        return f"{len(self.gates)} gates on {extents_text(self.modes)}"

    def text(self, tensors: Sequence[TensorSpec]) -> str:
        gates = " ".join(
            f"{tensor_name(tensors[gate])}({i}, {j})"
            for gate, (i, j) in zip(self.gates, self.pairs, strict=True)
        )
        return f"tensor_gates %{self.operand} {gates} in {extents_text(self.modes)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecTensorGates(TrainableUnarySpec):
    """`tensor_gates(x, to: n, sites: k)`: dense tensors on pairs of axes.

    The gate on the axes (i, j) is a matrix (d_i d_j) × (d_i d_j).
    """

    to: Scalar
    sites: Scalar | None
    """Number of axes; None: as many as the given modes."""
    modes: tuple[Scalar, ...] | None
    """Extents of the axes, row-major; None: found for the wider of operand and result."""
    pattern: str
    """A row of `qcompile.ir.patterns` that needs no device."""

    @property
    def identity_at_start(self) -> bool:
        return self.init == IDENTITY

    def verify(self) -> None:
        given = self.sites is not None or self.modes is not None
        require(given, "neither sites nor modes")

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        """`init: zero` zeroes the last gate alone and starts the others as the identity, so that
        the gradient of the last one is not zero."""
        (operand,) = inputs
        width = lowering.size(self.to, "the width of `tensor_gates`", self.span)
        modes = self._modes(lowering.width(operand), width, lowering)
        pairs = lowering.pairs(self.pattern, len(modes), self.span)
        gates = []
        for k, (i, j) in enumerate(pairs):
            init = self.init
            if init.kind == "zero" and k < len(pairs) - 1:
                init = IDENTITY
            side = modes[i] * modes[j]
            gates.append(self.tensor(lowering, (side, side), f".gate{k}", init=init))
        node = TensorGatesNode(
            operand=operand, gates=tuple(gates), pairs=pairs, modes=modes, width=width
        )
        return lowering.append(node, self.span)

    def _modes(self, operand: int, width: int, lowering: Lowering) -> Modes:
        """Extents that hold the operand and the result."""
        if self.modes is None:
            assert self.sites is not None, "a spec gives sites or modes"
            what = "the number of sites"
            sites = lowering.integer(self.sites, what, self.span, low=2, high=MAX_GATE_SITES)
            return resolve_modes(max(operand, width), sites)
        if not 2 <= len(self.modes) <= MAX_GATE_SITES:
            lowering.refuse(
                OutOfRangeAtSize(
                    what="the number of modes",
                    bounds=f"between 2 and {MAX_GATE_SITES}",
                    value=str(len(self.modes)),
                    span=self.span,
                )
            )
        modes = tuple(lowering.integer(mode, "a mode", self.span, low=1) for mode in self.modes)
        product = math.prod(modes)
        for what, wanted in (("value", operand), ("result", width)):
            if product < wanted:
                lowering.refuse(
                    AxesTooSmallAtSize(
                        modes=modes, product=product, what=what, width=wanted, span=self.span
                    )
                )
        return modes


def _build(call: CallReader) -> Value | None:
    value, to, axes = call.value("v"), call.integer("to"), _axes(call)
    pattern, init, share = call.choice("pattern"), call.init("tensor gates"), call.share()
    frozen = call.flag("frozen")
    if frozen is None:
        return None
    if value is None or to is None or axes is None or pattern is None or init is None:
        return None
    sites, modes = axes
    if not call.ok or not _large_enough(call, modes, value, to):
        return None
    node = SpecTensorGates(
        operand=value.node,
        to=to.scalar,
        sites=None if sites is None else sites.scalar,
        modes=None if modes is None else tuple(mode.scalar for mode in modes),
        pattern=pattern,
        init=init,
        name=call.unique(),
        share=share,
        frozen=frozen,
        span=call.span,
    )
    return call.add(node, to)


def _axes(call: CallReader) -> tuple[Typed | None, tuple[Typed, ...] | None] | None:
    """Return the number of axes, or their extents; None where neither is right."""
    if call.has("sites") and call.has("modes"):
        call.report(OptionsExclude(span=call.place("sites"), one="sites", other="modes"))
        call.integer("sites")
        call.integers("modes")
        return None
    if call.has("sites"):
        sites = call.integer("sites")
        return None if sites is None else (sites, None)
    if call.has("modes"):
        modes = call.integers("modes")
        if modes is None or not _right_number(call, len(modes)):
            return None
        return None, modes
    if call.ok:
        missing = "`sites: …` or `modes: [ … ]`"
        call.report(MissingArgument(span=call.span, function="tensor_gates", argument=missing))
    return None


def _right_number(call: CallReader, count: int) -> bool:
    if 2 <= count <= MAX_GATE_SITES:
        return True
    call.report(
        OutOfRange(
            span=call.place("modes"),
            what="the number of modes",
            bounds=f"at least 2 and at most {MAX_GATE_SITES}",
            value=count,
        )
    )
    return False


def _large_enough(
    call: CallReader, modes: tuple[Typed, ...] | None, value: Value, to: Typed
) -> bool:
    """Check the product of the modes, as far as it is known."""
    known = [call.number(mode) for mode in modes or ()]
    factors = [extent for extent in known if extent is not None]
    if modes is None or len(factors) < len(known):
        return True
    product = math.prod(factors)
    for what, width in (("value", value.width), ("result", to)):
        wanted = call.number(width)
        if wanted is not None and product < wanted:
            place = call.place("modes")
            call.report(AxesTooSmall(span=place, product=product, what=what, width=wanted))
            return False
    return True


OPERATIONS = (
    Operation(
        name="tensor_gates",
        family="trainable",
        options=(
            value_option(),
            TO,
            Option(
                name="sites",
                kind="int",
                low=2,
                high=MAX_GATE_SITES,
                optional=True,
                meaning="number of axes; their modes are found",
            ),
            Option(
                name="modes",
                kind="ints",
                low=1,
                high=MAX_WIDTH,
                optional=True,
                meaning="extents of the axes; either this or `sites`",
            ),
            Option(
                name="pattern",
                kind="choice",
                default="all",
                choices=GATE_PATTERNS,
                more=lambda word: word in PATTERNS and PATTERNS[word].pairs is not None,
                meaning="pairs of axes that get a gate, in order",
            ),
            init_option("identity", DRAWN),
            SHARE,
            FROZEN,
        ),
        meaning="the value as a tensor of several axes, with a matrix on each pair of them in turn",
        width="`to`",
        build=_build,
    ),
)
