"""Recognises updates of the form factor · W_up (g ⊙ (W_down x))."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qcompile.ir.network import DataOperand, NetworkNode, TensorOperand
from qcompile.ir.ops.arithmetic import MultiplyNode, ScaleNode
from qcompile.ir.ops.dropout import DropoutNode
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.ops.linear import LinearNode
from qcompile.ir.ops.lookup import LookupNode
from qcompile.ir.ops.tables import VectorNode
from qcompile.ir.program import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class GatedLowRank:
    """Tensors by their index in the layout."""

    down: int
    gates: tuple[int, ...]
    """Vectors whose product is the gate, at least one."""
    up: int
    factor: float
    dropout: float
    """Probability of the dropout on x."""


class NotGated(Exception):
    """The program has another form; the text says what stands in the way."""


Stage = tuple[Literal["matrix", "gate"], int] | tuple[Literal["dropout"], float]


def recognise(program: Program) -> GatedLowRank:
    """The parts of a gated low-rank update.

    Raises:
        NotGated: any other form.
    """
    factor, stages = _stages(program)
    probability = 0.0
    if stages and stages[0][0] == "dropout":
        probability = stages.pop(0)[1]
    kinds = [kind for kind, _ in stages]
    if kinds.count("matrix") != 2:
        raise NotGated(f"it is made of {kinds.count('matrix')} matrices instead of two")
    if len(kinds) < 3 or kinds != ["matrix", *["gate"] * (len(kinds) - 2), "matrix"]:
        raise NotGated("no gate, or something else than a gate, is between its matrices")
    places = [int(place) for _, place in stages]
    return GatedLowRank(
        down=places[0],
        gates=tuple(places[1:-1]),
        up=places[-1],
        factor=factor,
        dropout=probability,
    )


def _stages(program: Program) -> tuple[float, list[Stage]]:
    """What happens to x, in order, and the numbers by which it is scaled."""
    nodes = program.nodes
    factor = 1.0
    found: list[Stage] = []
    place = program.result
    while True:
        match nodes[place]:
            case InputNode():
                return factor, found[::-1]
            case ScaleNode(operand=operand, factor=number):
                factor *= number
                place = operand
            case DropoutNode(operand=operand, probability=probability):
                found.append(("dropout", probability))
                place = operand
            case (
                LinearNode(operand=operand, tensor=tensor)
                | LookupNode(operand=operand, tensor=tensor)
            ):
                found.append(("matrix", tensor))
                place = operand
            case MultiplyNode(operands=operands, width=width):
                values = []
                for operand in operands:
                    gates = _gates(program, operand)
                    if gates is None:
                        values.append(operand)
                    else:
                        found += [("gate", tensor) for tensor in gates]
                if len(values) != 1 or nodes[values[0]].width != width:
                    raise NotGated("two values are multiplied")
                place = values[0]
            case NetworkNode() as network:
                factor *= network.factor
                place, inner = _chain(network)
                found += inner[::-1]
            case node:
                kind = type(node).__name__.removesuffix("Node").lower()
                raise NotGated(f"it contains a node `{kind}`")


def _gates(program: Program, place: int) -> tuple[int, ...] | None:
    """The vectors whose product a node is; None where it is something else."""
    match program.nodes[place]:
        case VectorNode(tensor=tensor):
            return (tensor,)
        case MultiplyNode(operands=operands):
            parts = [_gates(program, operand) for operand in operands]
            known = [part for part in parts if part is not None]
            return sum(known, ()) if len(known) == len(parts) else None
    return None


def _chain(network: NetworkNode) -> tuple[int, list[Stage]]:
    """The node that a chain of matrices and gates reads, and the chain in order."""
    data = [operand for operand in network.operands if isinstance(operand, DataOperand)]
    tensors = [operand for operand in network.operands if isinstance(operand, TensorOperand)]
    plain = all(operand.view.modes == operand.view.padded for operand in network.operands)
    if len(data) != 1 or not plain or len(network.output) != 1:
        raise NotGated("it is no chain of matrices")
    sizes = dict(network.sizes)
    if sizes[network.output[0]] != network.width:
        raise NotGated("it is no chain of matrices")
    (label,) = data[0].view.labels
    stages: list[Stage] = []
    while True:
        gates = [operand for operand in tensors if operand.view.labels == (label,)]
        stages += [("gate", operand.tensor) for operand in gates]
        tensors = [operand for operand in tensors if operand not in gates]
        if not tensors and network.output == (label,):
            return data[0].node, stages
        onward = [operand for operand in tensors if label in operand.view.labels]
        if len(onward) != 1 or len(onward[0].view.labels) != 2 or label == network.output[0]:
            raise NotGated("it is no chain of matrices")
        (matrix,) = onward
        if matrix.view.labels[1] != label:
            raise NotGated("a matrix is used transposed")
        stages.append(("matrix", matrix.tensor))
        tensors.remove(matrix)
        label = matrix.view.labels[0]
