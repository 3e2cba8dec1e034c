"""The invariants of a Program."""

from __future__ import annotations

import math
from typing import assert_never

from qcompile.ir.hosts import EMBEDDING_HOST, HOST_KINDS, LINEAR_HOST, READ_HOSTS
from qcompile.ir.network import DataOperand, FrameOperand, NetworkNode, TensorOperand, View
from qcompile.ir.node import Needed, domains
from qcompile.ir.ops.base import BaseBiasNode, BaseNode, WeightNode
from qcompile.ir.ops.ends import InputNode, OutputNode
from qcompile.ir.ops.lookup import TOKEN_NODES, LookupNode, LookupValueNode
from qcompile.ir.ops.tables import FlatNode
from qcompile.ir.orthogonal import OrthogonalFrame, needed_angles, verify_orthogonal
from qcompile.ir.program import Program
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.training import Penalty, Training
from qcompile.ir.verification import VerificationError, require

Shapes = dict[int, tuple[int, ...]]


def verify_program(program: Program) -> None:
    """Check everything that a Program promises.

    Raises:
        VerificationError: operands do not precede, widths or tensor shapes disagree, a tensor is
            unused or badly laid out, or a circuit is not well formed.
    """
    nodes = program.nodes
    require(bool(nodes) and isinstance(nodes[0], InputNode), "node 0 is not the input")
    require(nodes[0].width == program.in_features, "the input is not in_features wide")
    require(0 <= program.result < len(nodes), "the result is not a node")
    prefix = program.mode == "prefix"
    require(
        nodes[program.result].width == program.out_features * (2 if prefix else 1),
        "the result is not out_features wide, or twice that for a prefix",
    )
    outputs = [node.width for node in nodes if isinstance(node, OutputNode)]
    require(len(outputs) <= 1, "`y` is read by two nodes")
    require(outputs in ([], [program.out_features]), "`y` is not out_features wide")
    _verify_base(program)
    _verify_tokens(program)
    shapes = layout_shapes(program.tensors)
    used: set[int] = set()
    for index, node in enumerate(nodes):
        try:
            require(node.width >= 1, "it has no width")
            require(not isinstance(node, InputNode) or index == 0, "a second input")
            require(all(0 <= o < index for o in node.inputs), "an operand does not precede it")
            widths = tuple(nodes[o].width for o in node.inputs)
            needed: Needed = node.verify(widths)
            for tensor, shape in needed:
                require(tensor in shapes, f"tensor {tensor} is not in the layout")
                require(
                    shapes[tensor] == shape,
                    f"tensor {tensor} has the shape {shapes.get(tensor)}, not {shape}",
                )
                used.add(tensor)
            if isinstance(node, NetworkNode):
                used |= _verify_network(node, widths, shapes)
        except VerificationError as error:
            raise VerificationError(f"%{index} ({type(node).__name__}): {error}") from None
    found = domains(nodes)
    require(
        (found[program.result].kind == "rows") == prefix,
        "a prefix is a table, and nothing else is",
    )
    for node in nodes:
        if isinstance(node, FlatNode):
            elements = found[node.operand].rows * nodes[node.operand].width
            require(node.width == elements, "it is not as wide as the table has elements")
    unused = sorted(set(shapes) - used)
    require(not unused, f"tensors that no node uses: {unused}")
    for term in program.training:
        _verify_training(term, shapes)


def _verify_base(program: Program) -> None:
    sizes = (program.in_features, program.out_features)
    require(program.mode != "prefix" or not program.uses_base, "a prefix that reads a module")
    require(program.host in HOST_KINDS, f"no module is of kind {program.host}")
    linear = program.host == LINEAR_HOST
    require(linear or program.mode != "prefix", "a prefix that is for no attention")
    read = program.host in READ_HOSTS
    require(read or not program.uses_base, "it computes with a module that is no linear map")
    for node in program.nodes:
        match node:
            case BaseNode(operand=operand, width=width):
                fits = (program.nodes[operand].width, width) == sizes
                require(fits, "`base` is not of the module's sizes")
            case WeightNode(rows=rows, width=width):
                require((width, rows) == sizes, "`W` is not of the module's sizes")
            case BaseBiasNode(width=width):
                require(width == sizes[1], "`base_bias` is not out_features wide")
            case _:
                pass


def _verify_tokens(program: Program) -> None:
    """Only the nodes for it read the x of an embedding, and nothing else is looked up with."""
    tokens = program.host == EMBEDDING_HOST
    padding = program.padding
    inside = padding is None or (tokens and 0 <= padding < program.in_features)
    require(inside, "a token for padding that is none")
    require(not (tokens and program.result == 0), "the result is a token id")
    for index, node in enumerate(program.nodes):
        where = f"%{index} ({type(node).__name__})"
        if isinstance(node, LookupNode | LookupValueNode):
            require(tokens and node.operand == 0, f"{where} looks up with what is no token id")
        elif tokens and 0 in node.inputs:
            require(isinstance(node, TOKEN_NODES), f"{where} reads token ids")


def _verify_training(term: Training, shapes: Shapes) -> None:
    where = f"`{term.kind}`"
    number = term.factor if isinstance(term, Penalty) else term.threshold
    require(bool(term.tensors), f"{where} of no tensor")
    require(len(set(term.tensors)) == len(term.tensors), f"{where} of one tensor twice")
    require(all(index in shapes for index in term.tensors), f"{where} of an unknown tensor")
    require(math.isfinite(number) and number >= 0, f"{where} with the number {number}")


def layout_shapes(tensors: tuple[TensorSpec, ...]) -> Shapes:
    """Shapes by index, with the layout's own invariants checked."""
    names = [tensor.name for tensor in tensors]
    require(len(set(names)) == len(names), "two tensors have the same name")
    keys = [tensor.share for tensor in tensors if tensor.share is not None]
    require(len(set(keys)) == len(keys), "two tensors have the same share key")
    for tensor in tensors:
        require(all(extent >= 1 for extent in tensor.shape), f"`{tensor.name}` has an empty axis")
        if tensor.segments:
            total = sum(length for length, _ in tensor.segments)
            require(tensor.shape == (total,), f"`{tensor.name}`: the segments do not fill it")
    return {index: tensor.shape for index, tensor in enumerate(tensors)}


def _verify_network(node: NetworkNode, widths: tuple[int, ...], shapes: Shapes) -> set[int]:
    sizes = dict(node.sizes)
    require(tuple(sorted(sizes.items())) == node.sizes, "the sizes are not sorted or repeat")
    require(all(label >= 1 and extent >= 1 for label, extent in node.sizes), "a bad label or size")
    require(math.isfinite(node.factor), "the factor is not finite")
    require(bool(node.operands), "no operands")
    data_widths = iter(widths)
    used: set[int] = set()
    seen: set[int] = set()
    for operand in node.operands:
        match operand:
            case TensorOperand(tensor=tensor):
                require(tensor in shapes, f"tensor {tensor} is not in the layout")
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
    require(seen == set(sizes), "labels without an operand or without a size")
    require(len(set(node.output)) == len(node.output), "an output label repeats")
    require(set(node.output) <= seen, "an output label that no operand has")
    full = math.prod(sizes[label] for label in node.output)
    require(node.width <= full, "it is wider than its output modes")
    return used


def _verify_frame(frame: OrthogonalFrame, shapes: Shapes) -> set[int]:
    orthogonal = frame.orthogonal
    verify_orthogonal(orthogonal)
    require(1 <= frame.columns <= orthogonal.size, "a frame of more columns than its matrix")
    needed = needed_angles(orthogonal.angle_count, frame.angles)
    for tensor, shape in needed:
        require(shapes.get(tensor) == shape, f"tensor {tensor} does not hold a frame's angles")
    return {tensor for tensor, _ in needed}


def _verify_view(view: View, shape: tuple[int, ...], sizes: dict[int, int]) -> None:
    require(len(view.padded) == len(shape), "a view with another number of axes than its tensor")
    require(
        all(p >= extent for p, extent in zip(view.padded, shape, strict=True)),
        "a view that is smaller than its tensor",
    )
    require(math.prod(view.padded) == math.prod(view.modes), "a view that is no reshape")
    require(len(view.labels) == len(view.modes), "a view without one label for each mode")
    require(
        all(sizes.get(label) == m for label, m in zip(view.labels, view.modes, strict=True)),
        "a mode that disagrees with its label's size",
    )
