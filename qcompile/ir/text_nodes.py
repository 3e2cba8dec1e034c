"""The line of a tensor network, in Program and Plan."""

from __future__ import annotations

from typing import assert_never

from qcompile.ir.network import DataOperand, FrameOperand, NetworkNode, TensorOperand
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.text_orthogonal import frame_text

Tensors = tuple[TensorSpec, ...]


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
