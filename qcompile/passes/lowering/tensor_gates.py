"""Tensor gates at concrete sizes: extents of the axes, pairs of axes, matrices."""

from __future__ import annotations

import math

from qcompile.diagnostics.messages.lowering import OutOfRangeAtSize
from qcompile.diagnostics.messages.sized_tensors import AxesTooSmallAtSize
from qcompile.ir.initialisation import Init
from qcompile.ir.limits import MAX_GATE_SITES
from qcompile.ir.program import TensorGatesNode
from qcompile.ir.spec import SpecTensorGates
from qcompile.ir.spec_circuit import PairPattern
from qcompile.ir.tensor import TensorSpec
from qcompile.passes.lowering.graph import Graph
from qcompile.passes.lowering.modes import Modes, resolve_modes
from qcompile.passes.lowering.pairs import resolve_pairs
from qcompile.passes.lowering.sizing import Sizing, checked_width

_IDENTITY = Init(kind="identity", arguments=(1.0,))


def lower_tensor_gates(node: SpecTensorGates, operand: int, graph: Graph, sizing: Sizing) -> int:
    """Index of the TensorGatesNode.

    `init: zero` zeroes the last gate alone and starts the others as the identity, so that the
    gradient of the last one is not zero.
    """
    width = checked_width(node.to, "the width of `tensor_gates`", node.span, sizing)
    modes = _modes(node, graph.width(operand), width, sizing)
    pairs = resolve_pairs(
        PairPattern(kind=node.pattern), len(modes), None, sizing=sizing, span=node.span
    )
    gates = []
    for k, (i, j) in enumerate(pairs):
        init = node.init
        if init.kind == "zero" and k < len(pairs) - 1:
            init = _IDENTITY
        tensor = TensorSpec(
            name=f"{node.name}.gate{k}",
            shape=(modes[i] * modes[j],) * 2,
            init=init,
            share=None if node.share is None else f"{node.share}.gate{k}",
        )
        gates.append(graph.layout.add(tensor, node.span))
    return graph.append(
        TensorGatesNode(operand=operand, gates=tuple(gates), pairs=pairs, modes=modes, width=width),
        node.span,
    )


def _modes(node: SpecTensorGates, operand: int, width: int, sizing: Sizing) -> Modes:
    """Extents that hold the operand and the result."""
    if node.modes is None:
        assert node.sites is not None, "a spec gives sites or modes"
        sites = sizing.integer(
            node.sites, "the number of sites", node.span, low=2, high=MAX_GATE_SITES
        )
        return resolve_modes(max(operand, width), sites)
    if not 2 <= len(node.modes) <= MAX_GATE_SITES:
        sizing.report.refuse(
            OutOfRangeAtSize(
                what="the number of modes",
                bounds=f"between 2 and {MAX_GATE_SITES}",
                value=str(len(node.modes)),
                span=node.span,
            )
        )
    modes = tuple(sizing.integer(mode, "a mode", node.span, low=1) for mode in node.modes)
    product = math.prod(modes)
    for what, wanted in (("value", operand), ("result", width)):
        if product < wanted:
            sizing.report.refuse(
                AxesTooSmallAtSize(
                    modes=modes, product=product, what=what, width=wanted, span=node.span
                )
            )
    return modes
