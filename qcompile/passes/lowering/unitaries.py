"""Orthogonal matrices made of circuits, at concrete sizes."""

from __future__ import annotations

from qcompile.diagnostics.messages.expansion import UnitaryTooNarrow
from qcompile.diagnostics.messages.lowering import ValueTooWide
from qcompile.ir.device import Device
from qcompile.ir.limits import MAX_WIDTH
from qcompile.ir.orthogonal import GateBlock, Orthogonal, UnitaryNode, block_places
from qcompile.ir.spec import SpecUnitary
from qcompile.ir.tensor import TensorSpec
from qcompile.passes.lowering.angles import AngleLayout, segments_of
from qcompile.passes.lowering.data import CircuitData
from qcompile.passes.lowering.expansion import Expansion
from qcompile.passes.lowering.graph import Graph
from qcompile.passes.lowering.items import expand
from qcompile.passes.lowering.report import Refused
from qcompile.passes.lowering.sizing import Sizing


def lower_unitary(
    node: SpecUnitary, operand: int, graph: Graph, sizing: Sizing, device: Device | None
) -> int:
    """Index of the UnitaryNode.

    The gates are placed once for each block of the matrix, with angles of their own, which follow
    each other in one tensor.
    """
    width = sizing.integer(node.to, "the width of a `unitary`", node.span, low=1)
    if width > MAX_WIDTH:
        span = node.to.span or node.span
        sizing.report.refuse(ValueTooWide(width=width, limit=MAX_WIDTH, span=span))
    size = max(width, graph.width(operand))
    if size < 2:
        sizing.report.refuse(UnitaryTooNarrow(span=node.span))
    blocks: list[GateBlock] = []
    layouts: list[AngleLayout] = []
    count = 0
    for offset, qubits in block_places(size):
        layout = AngleLayout(init=node.init, start=count)
        blocks.append(_block(node, offset, qubits, layout, sizing, device))
        layouts.append(layout)
        count += layout.count
    tensor = None
    if count:
        angles = TensorSpec(
            name=f"{node.name}.angles",
            shape=(count,),
            init=node.init,
            share=None if node.share is None else f"{node.share}.angles",
            segments=segments_of(layouts),
        )
        tensor = graph.layout.add(angles, node.span)
    return graph.append(
        UnitaryNode(
            operand=operand,
            orthogonal=Orthogonal(size=size, blocks=tuple(blocks), angle_count=count),
            angles=tensor,
            adjoint=node.adjoint,
            width=width,
        ),
        node.span,
    )


def _block(
    node: SpecUnitary,
    offset: int,
    qubits: int,
    angles: AngleLayout,
    sizing: Sizing,
    device: Device | None,
) -> GateBlock:
    for bank in node.banks:
        angles.declare(bank, sizing)
    expansion = Expansion(
        qubits=qubits,
        device=device,
        data=CircuitData(widths=()),
        angles=angles,
        banks=node.banks,
        report=sizing.report,
        real=True,
    )
    expand(expansion, node.items, sizing)
    if expansion.failed:
        raise Refused
    return GateBlock(offset=offset, qubits=qubits, gates=tuple(expansion.gates))
