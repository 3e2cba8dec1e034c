"""The nodes of a Spec turned into the nodes of a Program."""

from __future__ import annotations

from typing import assert_never

from qcompile.diagnostics.messages.lowering import (
    OutOfRangeAtSize,
    SliceOutOfRange,
    WidthsDifferAtSize,
)
from qcompile.diagnostics.messages.sizes_of_tables import WeightSize
from qcompile.diagnostics.source import Span
from qcompile.ir.device import Device
from qcompile.ir.initialisation import ZERO
from qcompile.ir.nodes import (
    ActivationNode,
    AddNode,
    ApplyNode,
    BiasNode,
    ConcatNode,
    DropoutNode,
    MultiplyNode,
    ScaleNode,
    ShiftNode,
    SliceNode,
    VectorNode,
    ZeroNode,
)
from qcompile.ir.program import LinearNode
from qcompile.ir.spec import (
    SpecActivation,
    SpecApply,
    SpecBits,
    SpecCayley,
    SpecCircuitValue,
    SpecConcat,
    SpecDropout,
    SpecFlat,
    SpecInput,
    SpecLinear,
    SpecMpo,
    SpecNode,
    SpecOutput,
    SpecProduct,
    SpecResize,
    SpecRows,
    SpecScale,
    SpecShift,
    SpecSlice,
    SpecSum,
    SpecTable,
    SpecTensorGates,
    SpecUnitary,
    SpecVector,
)
from qcompile.ir.tensor import TensorSpec
from qcompile.passes.lowering.cayley import lower_cayley
from qcompile.passes.lowering.circuits import lower_circuit
from qcompile.passes.lowering.graph import Graph
from qcompile.passes.lowering.mpo import lower_mpo
from qcompile.passes.lowering.report import Refused
from qcompile.passes.lowering.sizing import Sizing, checked_width
from qcompile.passes.lowering.tables import lower_bits, lower_flat, lower_rows, lower_table
from qcompile.passes.lowering.tensor_gates import lower_tensor_gates
from qcompile.passes.lowering.unitaries import lower_unitary


def lower_value(
    node: SpecNode,
    known: list[int | None],
    graph: Graph,
    sizing: Sizing,
    device: Device | None,
) -> int:
    """Index of the node that holds the value.

    `known[i]` is the program's node of spec node i, None where that was refused.

    Raises:
        Refused: the value has no meaning at these sizes; every reason was reported.
    """

    def at(operand: int) -> int:
        index = known[operand]
        if index is None:
            raise Refused
        return index

    def all_at(operands: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(at(operand) for operand in operands)

    match node:
        case SpecInput():
            return 0
        case SpecOutput():
            return graph.output(node.span)
        case SpecLinear(operand=operand):
            return _linear(node, at(operand), graph, sizing)
        case SpecApply(operand=operand, weight=weight):
            return _apply(node, at(operand), at(weight), graph, sizing)
        case SpecTable():
            return lower_table(node, graph, sizing)
        case SpecBits():
            return lower_bits(node, graph, sizing)
        case SpecRows(operand=operand):
            return lower_rows(node, at(operand), graph, sizing)
        case SpecFlat(operand=operand):
            return lower_flat(node, at(operand), graph)
        case SpecMpo(operand=operand):
            return lower_mpo(node, at(operand), graph, sizing)
        case SpecTensorGates(operand=operand):
            return lower_tensor_gates(node, at(operand), graph, sizing)
        case SpecCayley(operand=operand):
            return lower_cayley(node, at(operand), graph, sizing)
        case SpecVector(size=size):
            width = checked_width(size, "the size of a `vector`", node.span, sizing)
            tensor = graph.layout.add(
                TensorSpec(name=node.name, shape=(width,), init=node.init, share=node.share),
                node.span,
            )
            return graph.append(VectorNode(tensor=tensor, width=width), node.span)
        case SpecSum(operands=operands):
            found = all_at(operands)
            width = _common_width(found, "added", node.span, graph, sizing)
            return graph.append(AddNode(operands=found, width=width), node.span)
        case SpecProduct(operands=operands):
            found = all_at(operands)
            width = _common_width(found, "multiplied", node.span, graph, sizing)
            return graph.append(MultiplyNode(operands=found, width=width), node.span)
        case SpecScale(operand=operand):
            index = at(operand)
            factor = sizing.real(node.factor, "a factor", node.span)
            scaled = ScaleNode(operand=index, factor=factor, width=graph.width(index))
            return graph.append(scaled, node.span)
        case SpecShift(operand=operand):
            index = at(operand)
            offset = sizing.real(node.offset, "a summand", node.span)
            shifted = ShiftNode(operand=index, offset=offset, width=graph.width(index))
            return graph.append(shifted, node.span)
        case SpecConcat(operands=operands):
            found = all_at(operands)
            width = sum(graph.width(index) for index in found)
            return graph.append(ConcatNode(operands=found, width=width), node.span)
        case SpecSlice(operand=operand):
            return _slice(node, at(operand), graph, sizing)
        case SpecResize(operand=operand):
            return _resize(node, at(operand), graph, sizing)
        case SpecActivation(operand=operand, kind=kind):
            index = at(operand)
            activated = ActivationNode(operand=index, kind=kind, width=graph.width(index))
            return graph.append(activated, node.span)
        case SpecDropout(operand=operand):
            return _dropout(node, at(operand), graph, sizing)
        case SpecCircuitValue(operands=operands):
            return lower_circuit(node, all_at(operands), graph, sizing, device)
        case SpecUnitary(operand=operand):
            return lower_unitary(node, at(operand), graph, sizing, device)
        case _:
            assert_never(node)


def _linear(node: SpecLinear, operand: int, graph: Graph, sizing: Sizing) -> int:
    width = checked_width(node.to, "the width of a `linear`", node.span, sizing)
    share = node.share
    weight = TensorSpec(
        name=f"{node.name}.weight",
        shape=(width, graph.width(operand)),
        init=node.init,
        share=None if share is None else f"{share}.weight",
    )
    tensor = graph.layout.add(weight, node.span)
    result = graph.append(LinearNode(operand=operand, tensor=tensor, width=width), node.span)
    if not node.bias:
        return result
    bias = TensorSpec(
        name=f"{node.name}.bias",
        shape=(width,),
        init=ZERO,
        share=None if share is None else f"{share}.bias",
    )
    tensor = graph.layout.add(bias, node.span)
    return graph.append(BiasNode(operand=result, tensor=tensor, width=width), node.span)


def _apply(node: SpecApply, operand: int, weight: int, graph: Graph, sizing: Sizing) -> int:
    width = checked_width(node.to, "the width of a `linear`", node.span, sizing)
    needed, given = width * graph.width(operand), graph.width(weight)
    if needed != given:
        sizing.report.refuse(
            WeightSize(
                width=width,
                inner=graph.width(operand),
                needed=needed,
                given=given,
                span=node.span,
            )
        )
    return graph.append(ApplyNode(operand=operand, weight=weight, width=width), node.span)


def _slice(node: SpecSlice, operand: int, graph: Graph, sizing: Sizing) -> int:
    width = graph.width(operand)
    start = 0 if node.start is None else sizing.integer(node.start, "an index", node.span)
    stop = width if node.stop is None else sizing.integer(node.stop, "an index", node.span)
    if not 0 <= start < stop <= width:
        sizing.report.refuse(SliceOutOfRange(start=start, stop=stop, width=width, span=node.span))
    return graph.append(SliceNode(operand=operand, start=start, width=stop - start), node.span)


def _resize(node: SpecResize, operand: int, graph: Graph, sizing: Sizing) -> int:
    width = checked_width(node.to, "the width of a `resize`", node.span, sizing)
    missing = width - graph.width(operand)
    if missing == 0:
        return operand
    if missing < 0:
        return graph.append(SliceNode(operand=operand, start=0, width=width), node.span)
    zeros = graph.append(ZeroNode(width=missing), node.span)
    return graph.append(ConcatNode(operands=(operand, zeros), width=width), node.span)


def _dropout(node: SpecDropout, operand: int, graph: Graph, sizing: Sizing) -> int:
    probability = sizing.real(node.probability, "a dropout probability", node.span)
    if not 0.0 <= probability < 1.0:
        sizing.report.refuse(
            OutOfRangeAtSize(
                what="a dropout probability",
                bounds="at least 0 and below 1",
                value=f"{probability:g}",
                span=node.probability.span or node.span,
            )
        )
    return graph.append(
        DropoutNode(operand=operand, probability=probability, width=graph.width(operand)),
        node.span,
    )


def _common_width(
    operands: tuple[int, ...], action: str, span: Span | None, graph: Graph, sizing: Sizing
) -> int:
    widths = tuple(graph.width(operand) for operand in operands)
    if len(set(widths)) != 1:
        distinct = tuple(dict.fromkeys(widths))
        sizing.report.refuse(WidthsDifferAtSize(widths=distinct, action=action, span=span))
    return widths[0]
