"""The invariants of a Program."""

from __future__ import annotations

import math
from typing import assert_never

from qcompile.ir.domains import Domain, domains
from qcompile.ir.network import DataOperand, FrameOperand, NetworkNode, TensorOperand, View
from qcompile.ir.nodes import (
    ActivationNode,
    AddNode,
    ApplyNode,
    BiasNode,
    BitsNode,
    CayleyNode,
    ConcatNode,
    DropoutNode,
    FlatNode,
    FoldNode,
    InputNode,
    MultiplyNode,
    NormaliseNode,
    NormNode,
    OutputNode,
    PairProductNode,
    PlainNode,
    RowsNode,
    ScaleNode,
    ShiftNode,
    SliceNode,
    TableNode,
    VectorNode,
    ZeroNode,
)
from qcompile.ir.orthogonal import Orthogonal, OrthogonalFrame, UnitaryNode, verify_orthogonal
from qcompile.ir.program import (
    CircuitNode,
    LinearNode,
    MpoNode,
    Program,
    ProgramNode,
    TensorGatesNode,
    operands,
)
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.training import Penalty, Training
from qcompile.ir.verification import VerificationError
from qcompile.ir.verify_circuit import verify_circuit

Shapes = dict[int, tuple[int, ...]]

MOST_BITS = 20
"""Digits of a table of all binary numbers."""


def verify_program(program: Program) -> None:
    """Check everything that a Program promises.

    Raises:
        VerificationError: operands do not precede, widths or tensor shapes disagree, a tensor is
            unused or badly laid out, or a circuit is not well formed.
    """
    nodes = program.nodes
    _require(bool(nodes) and isinstance(nodes[0], InputNode), "node 0 is not the input")
    _require(nodes[0].width == program.in_features, "the input is not in_features wide")
    _require(0 <= program.result < len(nodes), "the result is not a node")
    prefix = program.mode == "prefix"
    _require(
        nodes[program.result].width == program.out_features * (2 if prefix else 1),
        "the result is not out_features wide, or twice that for a prefix",
    )
    outputs = [node.width for node in nodes if isinstance(node, OutputNode)]
    _require(len(outputs) <= 1, "`y` is read by two nodes")
    _require(outputs in ([], [program.out_features]), "`y` is not out_features wide")
    shapes = layout_shapes(program.tensors)
    used: set[int] = set()
    for index, node in enumerate(nodes):
        try:
            _require(node.width >= 1, "it has no width")
            _require(not isinstance(node, InputNode) or index == 0, "a second input")
            _require(all(0 <= o < index for o in operands(node)), "an operand does not precede it")
            widths = tuple(nodes[o].width for o in operands(node))
            needed = _verify_node(node, widths)
            for tensor, shape in needed:
                _require(tensor in shapes, f"tensor {tensor} is not in the layout")
                _require(
                    shapes[tensor] == shape,
                    f"tensor {tensor} has the shape {shapes.get(tensor)}, not {shape}",
                )
                used.add(tensor)
            if isinstance(node, NetworkNode):
                used |= _verify_network(node, widths, shapes)
        except VerificationError as error:
            raise VerificationError(f"%{index} ({type(node).__name__}): {error}") from None
    found = domains(nodes, operands)
    _require(
        (found[program.result].kind == "rows") == prefix,
        "a prefix is a table, and nothing else is",
    )
    for node in nodes:
        if isinstance(node, FlatNode):
            _verify_flat(node, nodes[node.operand].width, found[node.operand])
    unused = sorted(set(shapes) - used)
    _require(not unused, f"tensors that no node uses: {unused}")
    for term in program.training:
        _verify_training(term, shapes)


def _verify_training(term: Training, shapes: Shapes) -> None:
    where = f"`{term.kind}`"
    number = term.factor if isinstance(term, Penalty) else term.threshold
    _require(bool(term.tensors), f"{where} of no tensor")
    _require(len(set(term.tensors)) == len(term.tensors), f"{where} of one tensor twice")
    _require(all(index in shapes for index in term.tensors), f"{where} of an unknown tensor")
    _require(math.isfinite(number) and number >= 0, f"{where} with the number {number}")


def layout_shapes(tensors: tuple[TensorSpec, ...]) -> Shapes:
    """Shapes by index, with the layout's own invariants checked."""
    names = [tensor.name for tensor in tensors]
    _require(len(set(names)) == len(names), "two tensors have the same name")
    keys = [tensor.share for tensor in tensors if tensor.share is not None]
    _require(len(set(keys)) == len(keys), "two tensors have the same share key")
    for tensor in tensors:
        _require(all(extent >= 1 for extent in tensor.shape), f"`{tensor.name}` has an empty axis")
        if tensor.segments:
            total = sum(length for length, _ in tensor.segments)
            _require(tensor.shape == (total,), f"`{tensor.name}`: the segments do not fill it")
    return {index: tensor.shape for index, tensor in enumerate(tensors)}


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise VerificationError(reason)


def _verify_node(
    node: ProgramNode, widths: tuple[int, ...]
) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Check a node against the widths of its operands; the tensors it needs, with their shapes."""
    match node:
        case LinearNode(tensor=tensor, width=width):
            return ((tensor, (width, widths[0])),)
        case MpoNode():
            return _verify_mpo(node, widths[0])
        case TensorGatesNode():
            return _verify_tensor_gates(node, widths[0])
        case NetworkNode():
            return ()
        case CircuitNode(circuit=circuit, angles=angles):
            verify_circuit(circuit)
            _require(sum(widths) == circuit.data_width, "its data are not as wide as the circuit's")
            _require(node.width == circuit.outputs, "it is not as wide as the circuit's read-out")
            _require((angles is None) == (circuit.angle_count == 0), "angles without a tensor")
            return () if angles is None else ((angles, (circuit.angle_count,)),)
        case UnitaryNode(orthogonal=orthogonal, angles=angles):
            verify_orthogonal(orthogonal)
            _require(orthogonal.size == max(node.width, *widths), "its matrix has another size")
            return _angles(orthogonal, angles)
        case _:
            return verify_plain(node, widths)


def verify_plain(
    node: PlainNode, widths: tuple[int, ...]
) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Check a node that Program and Plan share; the tensors it needs, with their shapes."""
    width = node.width
    match node:
        case InputNode() | OutputNode() | ZeroNode() | FlatNode():
            return ()
        case TableNode(tensor=tensor, rows=rows):
            _require(rows >= 1, "it has no rows")
            return ((tensor, (rows, width)),)
        case BitsNode():
            _require(width <= MOST_BITS, f"more than {MOST_BITS} digits")
        case RowsNode(rows=rows):
            _require(rows >= 1 and rows * width == widths[0], "the rows do not fill the operand")
        case ApplyNode():
            _require(widths[1] == width * widths[0], "the weight has another number of elements")
        case VectorNode(tensor=tensor):
            return ((tensor, (width,)),)
        case AddNode():
            _require(len(widths) >= 2, "fewer than two operands")
            _require(all(w == width for w in widths), "the operands' widths disagree")
        case MultiplyNode():
            _require(len(widths) >= 2, "fewer than two operands")
            _require(all(w in (1, width) for w in widths), "the operands' widths disagree")
            _require(width in widths, "no operand is as wide as the product")
        case ScaleNode(factor=number) | ShiftNode(offset=number):
            _require(math.isfinite(number), "the number is not finite")
            _require(widths[0] == width, "it is not as wide as its operand")
        case BiasNode(tensor=tensor):
            _require(widths[0] == width, "it is not as wide as its operand")
            return ((tensor, (width,)),)
        case CayleyNode(tensor=tensor, block=block):
            _require(widths[0] == width, "it is not as wide as its operand")
            _require(block >= 2 and width % block == 0, f"blocks of {block} do not divide it")
            return ((tensor, (width // block, block * (block - 1) // 2)),)
        case ConcatNode():
            _require(bool(widths) and sum(widths) == width, "the operands' widths do not add up")
        case SliceNode(start=start):
            _require(start >= 0 and start + width <= widths[0], "it reaches beyond its operand")
        case ActivationNode():
            _require(widths[0] == width, "it is not as wide as its operand")
        case DropoutNode(probability=probability):
            _require(widths[0] == width, "it is not as wide as its operand")
            _require(0.0 <= probability < 1.0, "the probability is not in [0, 1)")
        case NormNode():
            _require(width == 1, "a norm has width 1")
        case PairProductNode(pairs=pairs):
            _require(len(pairs) == width, "not one pair for each element")
            _require(all(0 <= i < widths[0] for pair in pairs for i in pair), "a pair out of range")
        case FoldNode():
            pass
        case NormaliseNode():
            _require(widths[0] == width, "it is not as wide as its operand")
        case _:
            assert_never(node)
    return ()


def _verify_flat(node: FlatNode, width: int, domain: Domain) -> None:
    _require(node.width == domain.rows * width, "it is not as wide as the table has elements")


def _verify_mpo(node: MpoNode, width: int) -> tuple[tuple[int, tuple[int, ...]], ...]:
    sites = len(node.cores)
    _require(sites >= 1, "no sites")
    _require(len(node.in_modes) == len(node.out_modes) == sites, "not one mode for each site")
    _require(len(node.bonds) == sites - 1, "not one bond between sites")
    _require(math.prod(node.in_modes) >= width, "the input modes do not hold the operand")
    _require(math.prod(node.out_modes) >= node.width, "the output modes do not hold the result")
    chain = (1, *node.bonds, 1)
    return tuple(
        (core, (chain[k], node.out_modes[k], node.in_modes[k], chain[k + 1]))
        for k, core in enumerate(node.cores)
    )


def _verify_tensor_gates(
    node: TensorGatesNode, width: int
) -> tuple[tuple[int, tuple[int, ...]], ...]:
    modes, sites = node.modes, len(node.modes)
    _require(all(extent >= 1 for extent in modes), "a mode below 1")
    _require(math.prod(modes) >= max(width, node.width), "the modes do not hold the values")
    _require(bool(node.gates), "no gates")
    _require(len(node.pairs) == len(node.gates), "not one pair of axes for each gate")
    for i, j in node.pairs:
        _require(i != j and {i, j} <= set(range(sites)), f"({i}, {j}) is no pair of axes")
    sides = (modes[i] * modes[j] for i, j in node.pairs)
    return tuple((gate, (side, side)) for gate, side in zip(node.gates, sides, strict=True))


def _verify_network(node: NetworkNode, widths: tuple[int, ...], shapes: Shapes) -> set[int]:
    sizes = dict(node.sizes)
    _require(tuple(sorted(sizes.items())) == node.sizes, "the sizes are not sorted or repeat")
    _require(all(label >= 1 and extent >= 1 for label, extent in node.sizes), "a bad label or size")
    _require(math.isfinite(node.factor), "the factor is not finite")
    _require(bool(node.operands), "no operands")
    data_widths = iter(widths)
    used: set[int] = set()
    seen: set[int] = set()
    for operand in node.operands:
        match operand:
            case TensorOperand(tensor=tensor):
                _require(tensor in shapes, f"tensor {tensor} is not in the layout")
                _verify_view(operand.view, shapes[tensor], sizes)
                used.add(tensor)
            case DataOperand():
                _verify_view(operand.view, (next(data_widths),), sizes)
            case FrameOperand(frame=frame):
                used |= _verify_frame(frame, shapes)
                shape = (frame.orthogonal.size, frame.columns)
                _verify_view(operand.view, shape, sizes)
            case _:
                assert_never(operand)
        seen.update(operand.view.labels)
    _require(seen == set(sizes), "labels without an operand or without a size")
    _require(len(set(node.output)) == len(node.output), "an output label repeats")
    _require(set(node.output) <= seen, "an output label that no operand has")
    full = math.prod(sizes[label] for label in node.output)
    _require(node.width <= full, "it is wider than its output modes")
    return used


def _verify_frame(frame: OrthogonalFrame, shapes: Shapes) -> set[int]:
    orthogonal = frame.orthogonal
    verify_orthogonal(orthogonal)
    _require(1 <= frame.columns <= orthogonal.size, "a frame of more columns than its matrix")
    needed = _angles(orthogonal, frame.angles)
    for tensor, shape in needed:
        _require(shapes.get(tensor) == shape, f"tensor {tensor} does not hold a frame's angles")
    return {tensor for tensor, _ in needed}


def _angles(orthogonal: Orthogonal, angles: int | None) -> tuple[tuple[int, tuple[int, ...]], ...]:
    count = orthogonal.angle_count
    _require((angles is None) == (count == 0), "angles without a tensor")
    return () if angles is None else ((angles, (count,)),)


def _verify_view(view: View, shape: tuple[int, ...], sizes: dict[int, int]) -> None:
    _require(len(view.padded) == len(shape), "a view with another number of axes than its tensor")
    _require(
        all(p >= extent for p, extent in zip(view.padded, shape, strict=True)),
        "a view that is smaller than its tensor",
    )
    _require(math.prod(view.padded) == math.prod(view.modes), "a view that is no reshape")
    _require(len(view.labels) == len(view.modes), "a view without one label for each mode")
    _require(
        all(sizes.get(label) == m for label, m in zip(view.labels, view.modes, strict=True)),
        "a mode that disagrees with its label's size",
    )
