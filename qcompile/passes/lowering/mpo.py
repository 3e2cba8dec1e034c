"""Matrix product operators at concrete sizes: modes, bonds, cores."""

from __future__ import annotations

import math

from qcompile.diagnostics.messages.lowering import ModesTooSmallAtSize, SitesDisagree, ValueTooWide
from qcompile.ir.initialisation import ZERO, Init
from qcompile.ir.limits import MAX_SITES, MAX_WIDTH
from qcompile.ir.program import MpoNode
from qcompile.ir.scalar import Scalar
from qcompile.ir.spec import SpecMpo
from qcompile.ir.tensor import TensorSpec
from qcompile.passes.lowering.graph import Graph
from qcompile.passes.lowering.modes import Modes, resolve_modes
from qcompile.passes.lowering.sizing import Sizing

_INNER_CORES = Init(kind="kaiming_normal", arguments=(0.0,))


def lower_mpo(node: SpecMpo, operand: int, graph: Graph, sizing: Sizing) -> int:
    """Index of the MpoNode.

    Core k, of shape (χ_k, out_k, in_k, χ_{k+1}), starts like the matrix (out_k χ_{k+1}) ×
    (χ_k in_k), so its fan-in is χ_k in_k. `init: zero` zeroes the last core alone.
    """
    width = sizing.integer(node.to, "the width of an `mpo`", node.span, low=1)
    if width > MAX_WIDTH:
        sizing.report.refuse(
            ValueTooWide(width=width, limit=MAX_WIDTH, span=node.to.span or node.span)
        )
    sites = _sites(node, sizing)
    in_modes = _modes("input", node.in_modes, graph.width(operand), sites, node, sizing)
    out_modes = _modes("output", node.out_modes, width, sites, node, sizing)
    bonds = _bonds(node, sites, sizing)
    chain = (1, *bonds, 1)
    cores = []
    for k in range(sites):
        init = node.init
        if init.kind == "zero":
            init = ZERO if k == sites - 1 else _INNER_CORES
        tensor = TensorSpec(
            name=f"{node.name}.core{k}",
            shape=(chain[k], out_modes[k], in_modes[k], chain[k + 1]),
            init=init,
            share=None if node.share is None else f"{node.share}.core{k}",
            fan_in=chain[k] * in_modes[k],
        )
        cores.append(graph.layout.add(tensor, node.span))
    return graph.append(
        MpoNode(
            operand=operand,
            cores=tuple(cores),
            in_modes=in_modes,
            out_modes=out_modes,
            bonds=bonds,
            width=width,
        ),
        node.span,
    )


def _sites(node: SpecMpo, sizing: Sizing) -> int:
    if node.sites is not None:
        return sizing.integer(node.sites, "the number of sites", node.span, low=1, high=MAX_SITES)
    given = node.in_modes if node.in_modes is not None else node.out_modes
    sites = 0 if given is None else len(given)
    if not 1 <= sites <= MAX_SITES:
        sizing.report.refuse(
            SitesDisagree(
                what="modes",
                count=sites,
                expected=min(max(sites, 1), MAX_SITES),
                sites=min(max(sites, 1), MAX_SITES),
                span=node.span,
            )
        )
    return sites


def _modes(
    side: str,
    given: tuple[Scalar, ...] | None,
    width: int,
    sites: int,
    node: SpecMpo,
    sizing: Sizing,
) -> Modes:
    if given is None:
        return resolve_modes(width, sites)
    if len(given) != sites:
        sizing.report.refuse(
            SitesDisagree(
                what=f"{side} modes", count=len(given), expected=sites, sites=sites, span=node.span
            )
        )
    modes = tuple(sizing.integer(mode, "a mode", node.span, low=1) for mode in given)
    product = math.prod(modes)
    if product < width:
        sizing.report.refuse(
            ModesTooSmallAtSize(
                side=side, modes=modes, product=product, width=width, span=node.span
            )
        )
    return modes


def _bonds(node: SpecMpo, sites: int, sizing: Sizing) -> tuple[int, ...]:
    bonds = tuple(sizing.integer(bond, "a bond", node.span, low=1) for bond in node.bonds)
    if len(bonds) == 1:
        return bonds * (sites - 1)
    if len(bonds) != sites - 1:
        sizing.report.refuse(
            SitesDisagree(
                what="bonds", count=len(bonds), expected=sites - 1, sites=sites, span=node.span
            )
        )
    return bonds
