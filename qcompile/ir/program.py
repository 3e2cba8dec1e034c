"""Program: the hybrid graph for concrete sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from qcompile.ir.circuit import Circuit
from qcompile.ir.network import (
    DataOperand,
    FrameOperand,
    NetworkNode,
    NetworkOperand,
    TensorOperand,
)
from qcompile.ir.nodes import (
    BiasNode,
    CayleyNode,
    OutputNode,
    PlainNode,
    TableNode,
    VectorNode,
    plain_operands,
)
from qcompile.ir.orthogonal import UnitaryNode
from qcompile.ir.spec import Mode
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.training import Training


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearNode:
    """W a with W = tensor of shape (width, width of a)."""

    operand: int
    tensor: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MpoNode:
    """Matrix product operator. Core k: tensor `cores[k]` of shape (χ_k, out_k, in_k, χ_{k+1}).

    W[o_0…o_m, i_0…i_m] = G_0 … G_m, modes row-major; the operand is zero-padded to ∏ in_k and
    the result cut from ∏ out_k to `width`.
    """

    operand: int
    cores: tuple[int, ...]
    in_modes: tuple[int, ...]
    out_modes: tuple[int, ...]
    bonds: tuple[int, ...]
    """Interior bonds, one fewer than the sites."""
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorGatesNode:
    """Dense tensors on pairs of axes, one after the other; QuanTA, arXiv:2406.00132.

    The operand is zero-padded to ∏ modes and reshaped to them. Tensor `gates[k]`, of shape
    (d_i d_j, d_i d_j), maps the axes (i, j) = `pairs[k]` to axes of the same extents, row-major in
    this order. The result is flattened and cut to `width`.
    """

    operand: int
    gates: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    modes: tuple[int, ...]
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitNode:
    """A quantum circuit; its data are the operands, concatenated."""

    operands: tuple[int, ...]
    circuit: Circuit
    angles: int | None
    """Index of the tensor (angle_count,); None where nothing is trainable."""
    width: int


ProgramNode = (
    PlainNode | LinearNode | MpoNode | UnitaryNode | TensorGatesNode | NetworkNode | CircuitNode
)


def operands(node: ProgramNode) -> tuple[int, ...]:
    """Indices of the nodes that `node` reads, in order, with repeats."""
    match node:
        case LinearNode() | MpoNode() | UnitaryNode() | TensorGatesNode():
            return (node.operand,)
        case CircuitNode():
            return node.operands
        case NetworkNode():
            return tuple(o.node for o in node.operands if isinstance(o, DataOperand))
        case _:
            return plain_operands(node)


def tensors_of(node: ProgramNode) -> tuple[int, ...]:
    """Indices of the tensors that `node` reads, in order."""
    match node:
        case VectorNode() | TableNode() | BiasNode() | CayleyNode() | LinearNode():
            return (node.tensor,)
        case MpoNode():
            return node.cores
        case TensorGatesNode():
            return node.gates
        case NetworkNode():
            read = (_read_by(operand) for operand in node.operands)
            return tuple(tensor for tensor in read if tensor is not None)
        case CircuitNode() | UnitaryNode():
            return () if node.angles is None else (node.angles,)
        case _:
            return ()


def _read_by(operand: NetworkOperand) -> int | None:
    match operand:
        case TensorOperand(tensor=tensor):
            return tensor
        case FrameOperand(frame=frame):
            return frame.angles
        case DataOperand():
            return None
        case _:
            assert_never(operand)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """An adapter for modules of one size. Node 0 is the input; operands precede their users.

    The result is (…, out_features). Of a prefix it is a table of keys and values side by side,
    (tokens, 2 · out_features).
    """

    adapter: str
    in_features: int
    out_features: int
    mode: Mode
    nodes: tuple[ProgramNode, ...]
    result: int
    tensors: tuple[TensorSpec, ...]
    parameters: tuple[tuple[str, bool | int | float | str], ...]
    """The spec's parameters with their values at these sizes."""
    training: tuple[Training, ...] = ()
    control: bool = False
    """Classical maps with as many parameters are in the place of circuits."""

    @property
    def uses_output(self) -> bool:
        """Whether it reads `y`, the adapted module's own output."""
        return any(isinstance(node, OutputNode) for node in self.nodes)
