"""`mpo(x, to: n, sites: k, bond: χ)`: a matrix product operator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.calls import MissingArgument, OptionsExclude
from qcompile.diagnostics.messages.lowering import ModesTooSmallAtSize, SitesDisagree
from qcompile.diagnostics.messages.types import OutOfRange
from qcompile.diagnostics.messages.values import ModesTooSmall, WrongLength
from qcompile.ir.chain import Axis, Chain, MultilinearNode, extents_text
from qcompile.ir.initialisation import KAIMING_NORMAL, ZERO
from qcompile.ir.limits import MAX_SITES, MAX_WIDTH
from qcompile.ir.modes import Modes, resolve_modes
from qcompile.ir.node import Needed
from qcompile.ir.operands import Typed, Value
from qcompile.ir.operation import CallReader, Operation
from qcompile.ir.scalar import Scalar
from qcompile.ir.signature import (
    FROZEN,
    SHARE,
    TENSOR_INITS,
    TO,
    Option,
    init_option,
    value_option,
)
from qcompile.ir.spec_node import Lowering, TrainableUnarySpec
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.text_values import tensor_name
from qcompile.ir.verification import require

MAX_BOND = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class MpoNode(MultilinearNode):
    """Matrix product operator. Core k: tensor `cores[k]` of shape (χ_k, out_k, in_k, χ_{k+1}).

    W[o_0…o_m, i_0…i_m] = G_0 … G_m, modes row-major; the operand is zero-padded to ∏ in_k and
    the result cut from ∏ out_k to `width`.
    """

    TENSORS = ("cores",)

    cores: tuple[int, ...]
    in_modes: tuple[int, ...]
    out_modes: tuple[int, ...]
    bonds: tuple[int, ...]
    """Interior bonds, one fewer than the sites."""
    width: int

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Those of the cores."""
        chain = (1, *self.bonds, 1)
        return tuple(
            (chain[k], self.out_modes[k], self.in_modes[k], chain[k + 1])
            for k in range(len(self.cores))
        )

    def verify(self, widths: Sequence[int]) -> Needed:
        sites = len(self.cores)
        require(sites >= 1, "no sites")
        fits = len(self.in_modes) == len(self.out_modes) == sites
        require(fits, "not one mode for each site")
        require(len(self.bonds) == sites - 1, "not one bond between sites")
        holds = math.prod(self.in_modes) >= widths[0]
        require(holds, "the input modes do not hold the operand")
        holds = math.prod(self.out_modes) >= self.width
        require(holds, "the output modes do not hold the result")
        return tuple(zip(self.cores, self.shapes, strict=True))

    def join(self, chain: Chain) -> None:
        labels = chain.split(self.in_modes)
        outputs = tuple(map(chain.label, self.out_modes))
        bonds = (None, *map(chain.label, self.bonds), None)
        for site, (core, shape) in enumerate(zip(self.cores, self.shapes, strict=True)):
            left, out, inp, right = shape
            chain.place(
                core,
                _bond(left, bonds[site]),
                Axis(padded=out, modes=(out,), labels=(outputs[site],)),
                Axis(padded=inp, modes=(inp,), labels=(labels[site],)),
                _bond(right, bonds[site + 1]),
            )
        chain.leave(self.width, Axis.of(self.out_modes, outputs))

    @property
    def label(self) -> str:
        return f"mpo {extents_text(self.in_modes)} to {extents_text(self.out_modes)}"

    def text(self, tensors: Sequence[TensorSpec]) -> str:
        cores = " ".join(tensor_name(tensors[core]) for core in self.cores)
        return (
            f"mpo %{self.operand} {cores} in {extents_text(self.in_modes)} "
            f"out {extents_text(self.out_modes)} bonds {list(self.bonds)}"
        )


def _bond(extent: int, label: int | None) -> Axis:
    if label is None:
        return Axis(padded=extent, modes=(), labels=())
    return Axis(padded=extent, modes=(extent,), labels=(label,))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecMpo(TrainableUnarySpec):
    """`mpo(x, to: n, sites: k, bond: χ)`: a matrix product operator from the width of x to `to`.

    Core k has the shape (χ_k, out_k, in_k, χ_{k+1}) with χ_0 = χ_sites = 1.
    """

    to: Scalar
    sites: Scalar | None
    """Number of sites; None: as many as the given modes."""
    in_modes: tuple[Scalar, ...] | None
    out_modes: tuple[Scalar, ...] | None
    """Modes row-major; None: found for the width (`qcompile.ir.modes`)."""
    bonds: tuple[Scalar, ...]
    """One for all interior bonds, or one for each of the sites - 1 bonds."""

    def verify(self) -> None:
        given = self.sites is not None or self.in_modes is not None
        require(given or self.out_modes is not None, "neither sites nor modes")
        require(bool(self.bonds), "no bonds")

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        """Core k starts like the matrix (out_k χ_{k+1}) × (χ_k in_k), so its fan-in is χ_k in_k.

        `init: zero` zeroes the last core alone.
        """
        (operand,) = inputs
        width = lowering.size(self.to, "the width of an `mpo`", self.span)
        sites = self._sites(lowering)
        in_modes = self._modes("input", self.in_modes, lowering.width(operand), sites, lowering)
        out_modes = self._modes("output", self.out_modes, width, sites, lowering)
        bonds = self._bonds(sites, lowering)
        chain = (1, *bonds, 1)
        cores = []
        for k in range(sites):
            init = self.init
            if init.kind == "zero":
                init = ZERO if k == sites - 1 else KAIMING_NORMAL
            shape = (chain[k], out_modes[k], in_modes[k], chain[k + 1])
            fan_in = chain[k] * in_modes[k]
            cores.append(self.tensor(lowering, shape, f".core{k}", init=init, fan_in=fan_in))
        return lowering.append(
            MpoNode(
                operand=operand,
                cores=tuple(cores),
                in_modes=in_modes,
                out_modes=out_modes,
                bonds=bonds,
                width=width,
            ),
            self.span,
        )

    def _sites(self, lowering: Lowering) -> int:
        if self.sites is not None:
            what = "the number of sites"
            return lowering.integer(self.sites, what, self.span, low=1, high=MAX_SITES)
        given = self.in_modes if self.in_modes is not None else self.out_modes
        sites = 0 if given is None else len(given)
        if not 1 <= sites <= MAX_SITES:
            self._disagree("modes", sites, min(max(sites, 1), MAX_SITES), lowering)
        return sites

    def _modes(
        self,
        side: str,
        given: tuple[Scalar, ...] | None,
        width: int,
        sites: int,
        lowering: Lowering,
    ) -> Modes:
        if given is None:
            return resolve_modes(width, sites)
        if len(given) != sites:
            self._disagree(f"{side} modes", len(given), sites, lowering)
        modes = tuple(lowering.integer(mode, "a mode", self.span, low=1) for mode in given)
        product = math.prod(modes)
        if product < width:
            lowering.refuse(
                ModesTooSmallAtSize(
                    side=side, modes=modes, product=product, width=width, span=self.span
                )
            )
        return modes

    def _bonds(self, sites: int, lowering: Lowering) -> tuple[int, ...]:
        bonds = tuple(lowering.integer(bond, "a bond", self.span, low=1) for bond in self.bonds)
        if len(bonds) == 1:
            return bonds * (sites - 1)
        if len(bonds) != sites - 1:
            lowering.refuse(
                SitesDisagree(
                    what="bonds", count=len(bonds), expected=sites - 1, sites=sites, span=self.span
                )
            )
        return bonds

    def _disagree(self, what: str, count: int, sites: int, lowering: Lowering) -> None:
        lowering.refuse(
            SitesDisagree(what=what, count=count, expected=sites, sites=sites, span=self.span)
        )


def _build(call: CallReader) -> Value | None:
    value, to, sites = call.value("v"), call.integer("to"), call.integer("sites")
    modes = {name: call.integers(name) for name in ("in_modes", "out_modes")}
    bonds, init, share = _bonds(call), call.init("an MPO"), call.share()
    frozen = call.flag("frozen")
    if frozen is None:
        return None
    if value is None or to is None or bonds is None or init is None or not call.ok:
        return None
    given = {"sites": sites, **modes}
    if any(call.has(name) and found is None for name, found in given.items()):
        return None
    if not _consistent(call, value, to, sites, modes, bonds):
        return None
    node = SpecMpo(
        operand=value.node,
        to=to.scalar,
        sites=None if sites is None else sites.scalar,
        in_modes=_scalars(modes["in_modes"]),
        out_modes=_scalars(modes["out_modes"]),
        bonds=tuple(item.scalar for item in bonds),
        init=init,
        name=call.unique(),
        share=share,
        frozen=frozen,
        span=call.span,
    )
    return call.add(node, to)


def _scalars(items: tuple[Typed, ...] | None) -> tuple[Scalar, ...] | None:
    return None if items is None else tuple(item.scalar for item in items)


def _bonds(call: CallReader) -> tuple[Typed, ...] | None:
    if call.has("bond") and call.has("bonds"):
        call.report(OptionsExclude(span=call.place("bond"), one="bond", other="bonds"))
        call.integer("bond")
        call.integers("bonds")
        return None
    if call.has("bonds"):
        return call.integers("bonds")
    if call.has("bond"):
        bond = call.integer("bond")
        return None if bond is None else (bond,)
    if call.ok:
        missing = "`bond: …` or `bonds: [ … ]`"
        call.report(MissingArgument(span=call.span, function="mpo", argument=missing))
    return None


def _consistent(
    call: CallReader,
    value: Value,
    to: Typed,
    sites: Typed | None,
    modes: dict[str, tuple[Typed, ...] | None],
    bonds: tuple[Typed, ...],
) -> bool:
    """Check the lengths of lists and the products of modes, as far as they are known."""
    count = call.number(sites)
    if sites is None:
        named = next(((name, items) for name, items in modes.items() if items is not None), None)
        if named is None:
            argument = "`sites: …`, or modes"
            call.report(MissingArgument(span=call.span, function="mpo", argument=argument))
            return False
        count = len(named[1])
        if not 2 <= count <= MAX_SITES:
            call.report(
                OutOfRange(
                    span=call.place(named[0]),
                    what="the number of modes",
                    bounds=f"at least 2 and at most {MAX_SITES}",
                    value=count,
                )
            )
            return False
    if count is None:
        return True
    fine = True
    for name, items in modes.items():
        fine &= items is None or _of_length(call, name, len(items), "modes", count)
    fine &= not call.has("bonds") or _of_length(call, "bonds", len(bonds), "bonds", count - 1)
    return (
        fine
        and _large_enough(call, "in_modes", "input", modes, value.width)
        and _large_enough(call, "out_modes", "output", modes, to)
    )


def _of_length(call: CallReader, name: str, count: int, what: str, expected: int) -> bool:
    if count == expected:
        return True
    call.report(WrongLength(span=call.place(name), count=count, what=what, expected=expected))
    return False


def _large_enough(
    call: CallReader,
    name: str,
    side: str,
    modes: dict[str, tuple[Typed, ...] | None],
    width: Typed | None,
) -> bool:
    items, wanted = modes[name], call.number(width)
    known = [call.number(mode) for mode in items or ()]
    factors = [extent for extent in known if extent is not None]
    if items is None or wanted is None or len(factors) < len(known):
        return True
    product = math.prod(factors)
    if product >= wanted:
        return True
    place = call.place(name)
    call.report(ModesTooSmall(span=place, side=side, product=product, width=wanted))
    return False


def _list(name: str, high: int, meaning: str) -> Option:
    return Option(name=name, kind="ints", low=1, high=high, optional=True, meaning=meaning)


OPERATIONS = (
    Operation(
        name="mpo",
        family="trainable",
        options=(
            value_option(),
            TO,
            Option(
                name="sites",
                kind="int",
                low=2,
                high=MAX_SITES,
                optional=True,
                meaning="number of cores; needed unless modes are given",
            ),
            Option(
                name="bond",
                kind="int",
                low=1,
                high=MAX_BOND,
                optional=True,
                meaning="one bond dimension for all bonds",
            ),
            _list("bonds", MAX_BOND, "bond dimensions, sites - 1 of them; either this or `bond`"),
            _list(
                "in_modes", MAX_WIDTH, "how the input's width is factored; found where not given"
            ),
            _list("out_modes", MAX_WIDTH, "how `to` is factored; found where not given"),
            init_option("kaiming_normal", TENSOR_INITS),
            SHARE,
            FROZEN,
        ),
        meaning="matrix product operator: a matrix kept as a chain of small cores",
        width="`to`",
        build=_build,
    ),
)
