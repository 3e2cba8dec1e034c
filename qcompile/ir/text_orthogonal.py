"""The text form of tensor networks, and of orthogonal matrices made of circuits."""

from __future__ import annotations

from typing import assert_never

from qcompile.ir.circuit_text import gate_text
from qcompile.ir.network import (
    DataOperand,
    FrameOperand,
    NetworkNode,
    TensorOperand,
    frames_of,
)
from qcompile.ir.orthogonal import Orthogonal, OrthogonalFrame, UnitaryNode
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.text_values import tensor_name

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


def unitary_text(node: UnitaryNode, tensors: Tensors) -> str:
    """`unitary of 100, transposed, v.angles %1`: what stands between `%3 =` and `-> width`."""
    return f"unitary {_matrix(node, tensors)} %{node.operand}"


def frame_text(frame: OrthogonalFrame, tensors: Tensors) -> str:
    """`[4 columns of 100, transposed, v.angles]`."""
    return f"[{frame.columns} columns {_matrix(frame, tensors)}]"


def orthogonal_lines(orthogonal: Orthogonal) -> list[str]:
    """The blocks with their coordinates, and their gates."""
    lines: list[str] = []
    for block in orthogonal.blocks:
        stop = block.offset + 2**block.qubits
        lines.append(f"block {block.offset}:{stop} of {block.qubits} qubits")
        lines += [f"  {gate_text(gate)}" for gate in block.gates]
    return lines


def network_frame_lines(network: NetworkNode) -> list[str]:
    """The orthogonal matrices of a network, each once."""
    found = dict.fromkeys(frame.orthogonal for frame in frames_of(network))
    return [line for orthogonal in found for line in orthogonal_lines(orthogonal)]


def _matrix(node: UnitaryNode | OrthogonalFrame, tensors: Tensors) -> str:
    parts = [f"of {node.orthogonal.size}"]
    parts += ["transposed"] if node.adjoint else []
    parts += [] if node.angles is None else [tensor_name(tensors[node.angles])]
    return ", ".join(parts)
