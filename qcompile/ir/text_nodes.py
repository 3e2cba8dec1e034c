"""One line for each node that Program and Plan share."""

from __future__ import annotations

from typing import assert_never

from qcompile.ir.network import DataOperand, FrameOperand, NetworkNode, TensorOperand
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
    plain_operands,
)
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.text_orthogonal import frame_text
from qcompile.ir.text_values import tensor_name

Tensors = tuple[TensorSpec, ...]


def references(indices: tuple[int, ...]) -> str:
    """`%1 %3`"""
    return " ".join(f"%{index}" for index in indices)


def plain_text(node: PlainNode, tensors: Tensors) -> str:
    """What stands between `%3 =` and `-> width`."""
    match node:
        case InputNode():
            text = "input"
        case OutputNode():
            text = "output"
        case VectorNode(tensor=tensor):
            text = f"vector {tensor_name(tensors[tensor])}"
        case TableNode(tensor=tensor):
            text = f"table {tensor_name(tensors[tensor])}"
        case BitsNode():
            text = "bits"
        case RowsNode(rows=rows):
            text = f"rows {rows}"
        case FlatNode():
            text = "flat"
        case ApplyNode():
            text = "apply"
        case ZeroNode():
            text = "zero"
        case AddNode():
            text = "add"
        case MultiplyNode():
            text = "multiply"
        case ScaleNode(factor=factor):
            text = f"scale {factor!r}"
        case ShiftNode(offset=offset):
            text = f"shift {offset!r}"
        case BiasNode(tensor=tensor):
            text = f"bias {tensor_name(tensors[tensor])}"
        case CayleyNode(tensor=tensor, block=block):
            text = f"cayley {tensor_name(tensors[tensor])} block {block}"
        case ConcatNode():
            text = "concat"
        case SliceNode(start=start, width=width):
            text = f"slice {start}:{start + width}"
        case ActivationNode(kind=kind):
            text = kind
        case DropoutNode(probability=probability):
            text = f"dropout {probability!r}"
        case NormNode():
            text = "norm"
        case PairProductNode(pairs=pairs):
            text = f"pairs {' '.join(f'{i}*{j}' for i, j in pairs)}"
        case FoldNode():
            text = "fold"
        case NormaliseNode():
            text = "normalise"
        case _:
            assert_never(node)
    return f"{text} {references(plain_operands(node))}".rstrip()


def network_text(node: NetworkNode, tensors: Tensors) -> str:
    """`network 0.5 * %1[8 4: i1 i2] a.core0[8, 4: i2 i3] -> i1 i3`"""
    sizes = dict(node.sizes)
    operands = []
    for operand in node.operands:
        match operand:
            case TensorOperand(tensor=tensor):
                name = tensors[tensor].name
            case DataOperand(node=index):
                name = f"%{index}"
            case FrameOperand(frame=frame):
                name = frame_text(frame, tensors)
            case _:
                assert_never(operand)
        modes = " ".join(f"i{label}" for label in operand.view.labels)
        padded = "x".join(map(str, operand.view.padded))
        operands.append(f"{name}({padded}: {modes})")
    extents = " ".join(f"i{label}={extent}" for label, extent in sizes.items())
    output = " ".join(f"i{label}" for label in node.output)
    return f"network {node.factor!r} * {' '.join(operands)} to ({output}) where {extents}".rstrip()
