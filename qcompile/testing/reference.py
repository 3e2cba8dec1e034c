"""An independent, slow and obvious meaning of a Program: the oracle of every pass.

Everything is numpy in float64. Values are (batch, width) for tokens, (rows, width) for tables, and
(1, width) where there is one for all. Dropout is the identity,
as in evaluation mode. Nothing here shares code with the compiler or its back ends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib import import_module
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from qcompile.ir.network import BATCH, DataOperand, FrameOperand, NetworkNode, TensorOperand, View
from qcompile.ir.node import Node, home
from qcompile.ir.ops.arithmetic import (
    AddNode,
    DivideNode,
    MultiplyNode,
    PowerNode,
    ScaleNode,
    ShiftNode,
)
from qcompile.ir.ops.circuit_data import FoldNode, NormaliseNode, NormNode, PairProductNode
from qcompile.ir.ops.dropout import DropoutNode
from qcompile.ir.ops.ends import InputNode, OutputNode
from qcompile.ir.ops.linear import ApplyNode, BiasNode, LinearNode, TableMapNode
from qcompile.ir.ops.tables import (
    BitsNode,
    FlatNode,
    RowsNode,
    TableNode,
    TransposeNode,
    VectorNode,
)
from qcompile.ir.ops.widths import BroadcastNode, ConcatNode, SliceNode, ZeroNode
from qcompile.ir.orthogonal import Orthogonal, OrthogonalFrame, UnitaryNode
from qcompile.ir.plan import Plan
from qcompile.ir.program import CircuitNode, Program
from qcompile.testing.base import base_weight
from qcompile.testing.dense_oracle import dense_outputs, dense_unitary

Array = NDArray[np.float64]


def random_tensors(program: Program, seed: int = 0, scale: float = 0.5) -> dict[int, Array]:
    """Normal values for every tensor of the layout, whatever its initialisation."""
    generator = np.random.default_rng(seed)
    return {
        index: scale * generator.standard_normal(tensor.shape)
        for index, tensor in enumerate(program.tensors)
    }


def base_output(x: Array, out_features: int) -> Array:
    """`y` for x: the output of a frozen linear module without bias, one for each pair of sizes."""
    return np.asarray(x @ base_weight(x.shape[-1], out_features).T)


def evaluate_program(
    program: Program, x: Array, tensors: Mapping[int, Array], y: Array | None = None
) -> Array:
    """x: (batch, in_features), y: (batch, out_features) → the update (batch, out_features).

    Of a prefix its table. `y` is that of `base_output` where it is not given.
    """
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != program.in_features:
        raise ValueError(f"x is {x.shape}, the program takes (batch, {program.in_features})")
    y = base_output(x, program.out_features) if y is None else y
    values: list[Array] = []
    for node in program.nodes:
        values.append(np.atleast_2d(_value(node, x, values, tensors, y)))
    return result_of(values[program.result], program, x)


def result_of(value: Array, program: Program | Plan, x: Array) -> Array:
    """The value of the result for each token, or the table of a prefix."""
    if program.mode == "prefix":
        return value
    return np.array(np.broadcast_to(value, (x.shape[0], program.out_features)))


def _value(
    node: Node,
    x: Array,
    values: list[Array],
    tensors: Mapping[int, Array],
    y: Array | None = None,
) -> Array:
    match node:
        case InputNode():
            return x
        case OutputNode():
            assert y is not None
            return np.asarray(y, dtype=np.float64)
        case VectorNode(tensor=tensor):
            return tensors[tensor]
        case ZeroNode(width=width):
            return np.zeros(width)
        case TableNode(tensor=tensor):
            return tensors[tensor]
        case BitsNode(width=width):
            return np.array([[float(d) for d in f"{k:0{width}b}"] for k in range(2**width)])
        case RowsNode(operand=operand, rows=rows):
            return np.stack(np.split(values[operand][0], rows))
        case FlatNode(operand=operand):
            return np.concatenate(list(values[operand]))
        case ApplyNode(operand=operand, weight=weight, width=width):
            matrix = values[weight][0].reshape(width, -1)
            return np.asarray(values[operand] @ matrix.T)
        case AddNode(operands=operands):
            total = np.zeros((1, node.width))
            for operand in operands:
                total = total + values[operand]
            return total
        case MultiplyNode(operands=operands):
            product = np.ones((1, node.width))
            for operand in operands:
                product = product * values[operand]
            return product
        case ScaleNode(operand=operand, factor=factor):
            return factor * values[operand]
        case ShiftNode(operand=operand, offset=offset):
            return offset + values[operand]
        case BiasNode(operand=operand, tensor=tensor):
            return values[operand] + tensors[tensor]
        case DivideNode(operand=operand, divisor=divisor):
            return np.asarray(values[operand] / values[divisor])
        case TransposeNode(operand=operand):
            return np.stack(list(values[operand]), axis=1)
        case TableMapNode(operand=operand, weight=weight):
            return np.asarray(values[operand] @ values[weight].T)
        case PowerNode(operand=operand, exponent=exponent):
            return np.asarray(np.exp(exponent * np.log(values[operand])))
        case BroadcastNode(operand=operand, width=width):
            return np.repeat(values[operand], width, axis=1)
        case ConcatNode(operands=operands):
            return np.concatenate(_aligned([values[operand] for operand in operands]), axis=1)
        case SliceNode(operand=operand, start=start, width=width):
            return values[operand][:, start : start + width]
        case DropoutNode(operand=operand):
            return values[operand]
        case NormNode(operand=operand, width=width):
            parts = np.split(values[operand] ** 2, width, axis=1)
            return np.asarray(np.sqrt(np.stack([part.sum(axis=1) for part in parts], axis=1)))
        case PairProductNode(operand=operand, pairs=pairs):
            a = values[operand]
            return np.stack([a[:, i] * a[:, j] for i, j in pairs], axis=1)
        case FoldNode(operand=operand, width=width):
            a = values[operand]
            columns = [
                a[:, np.arange(max(width, a.shape[1])) % a.shape[1]][:, j::width]
                for j in range(width)
            ]
            return np.stack([c.sum(axis=1) / math.sqrt(c.shape[1]) for c in columns], axis=1)
        case NormaliseNode(operand=operand):
            a = values[operand]
            size = np.sqrt(np.mean(a**2, axis=1, keepdims=True))
            return np.divide(a, size, out=np.zeros_like(a), where=size > 0)
        case LinearNode(operand=operand, tensor=tensor):
            return np.asarray(values[operand] @ tensors[tensor].T)
        case UnitaryNode(operand=operand, orthogonal=orthogonal, adjoint=adjoint, width=width):
            u = orthogonal_matrix(orthogonal, _angles(node.angles, tensors))
            padded = np.zeros((values[operand].shape[0], orthogonal.size))
            padded[:, : values[operand].shape[1]] = values[operand]
            return np.asarray(padded @ (u if adjoint else u.T))[:, :width]
        case NetworkNode():
            return _network(node, values, tensors)
        case CircuitNode(operands=operands, circuit=circuit, angles=angles):
            parts = _aligned([np.zeros((1, 0)), *(values[operand] for operand in operands)])
            data = np.concatenate(parts, axis=1)
            return dense_outputs(circuit, data, _angles(angles, tensors))
        case _:
            oracle = import_module(node.ORACLE or f"qcompile.testing.ops.{home(type(node))}")
            own = [values[index] for index in node.inputs]
            found = oracle.VALUES[type(node)](node, *own, *(tensors[t] for t in node.tensors))
            return np.asarray(found)


def _aligned(parts: list[Array]) -> list[Array]:
    """All with as many rows as the longest; the others have one."""
    # A batch may be empty.
    rows = next((part.shape[0] for part in parts if part.shape[0] != 1), 1)
    return [np.broadcast_to(part, (rows, part.shape[1])) for part in parts]


def _angles(index: int | None, tensors: Mapping[int, Array]) -> Array:
    return np.zeros(0) if index is None else tensors[index]


def orthogonal_matrix(orthogonal: Orthogonal, angles: Array) -> Array:
    """The dense (size, size) matrix, from Kronecker products of the complex matrices of gates."""
    total = np.eye(orthogonal.size)
    for block in orthogonal.blocks:
        inner = dense_unitary(block.gates, block.qubits, np.zeros(0), angles)
        assert np.abs(inner.imag).max() < 1e-12, "the gates are real"
        embedded = np.eye(orthogonal.size)
        place = slice(block.offset, block.offset + 2**block.qubits)
        embedded[place, place] = inner.real
        total = embedded @ total
    return np.asarray(total)


def frame_columns(frame: OrthogonalFrame, tensors: Mapping[int, Array]) -> Array:
    """(size, columns)."""
    u = orthogonal_matrix(frame.orthogonal, _angles(frame.angles, tensors))
    return np.asarray((u.T if frame.adjoint else u)[:, : frame.columns])


def _network(node: NetworkNode, values: list[Array], tensors: Mapping[int, Array]) -> Array:
    arguments: list[object] = []
    batched = False
    data = [o.node for o in node.operands if isinstance(o, DataOperand)]
    aligned = dict(zip(data, _aligned([values[index] for index in data]), strict=True))
    for operand in node.operands:
        match operand:
            case TensorOperand(tensor=tensor, view=view):
                arguments += [_viewed(tensors[tensor], view), list(view.labels)]
            case FrameOperand(frame=frame, view=view):
                arguments += [_viewed(frame_columns(frame, tensors), view), list(view.labels)]
            case DataOperand(node=index, view=view):
                rows = [_viewed(row, view) for row in aligned[index]]
                stacked = np.stack(rows) if rows else np.zeros((0, *view.modes))
                arguments += [stacked, [BATCH, *view.labels]]
                batched = True
            case _:
                assert_never(operand)
    output = [BATCH, *node.output] if batched else list(node.output)
    result = np.asarray(np.einsum(*arguments, output))  # type: ignore[call-overload]
    modes = math.prod(dict(node.sizes)[label] for label in node.output)
    flat = result.reshape(result.shape[0] if batched else 1, modes)
    return np.asarray(node.factor * flat[:, : node.width])


def _viewed(a: Array, view: View) -> Array:
    padded = np.zeros(view.padded)
    padded[tuple(slice(0, extent) for extent in a.shape)] = a
    return padded.reshape(view.modes)
