"""What the backward pass keeps: values of nodes and what lies between the steps of contractions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qcompile.ir.contraction_extents import result_shapes
from qcompile.ir.network import ContractionNode, DataOperand, FrameOperand
from qcompile.ir.node import PlanNode, domains
from qcompile.ir.ops.ends import InputNode, OutputNode
from qcompile.ir.tensor import TensorSpec


def kept_values(nodes: Sequence[PlanNode], tensors: Sequence[TensorSpec]) -> int:
    """Elements for each token of all values that are operands in the backward pass.

    Gradients are for x, y and all tensors that are not frozen. What nodes keep within themselves
    is theirs to say, but for contractions, whose intermediates are counted here.
    """
    where = domains(nodes)
    learns = _learning(nodes, tensors)
    saved: set[int] = set()
    interior = 0
    for node, domain in zip(nodes, where, strict=True):
        if domain.kind != "tokens":
            continue
        if isinstance(node, ContractionNode):
            read, between = _of_contraction(node, learns, tensors)
            saved |= read
            interior += between
        elif node.PRODUCT:
            trained = _is_trained(node, tensors)
            for place, operand in enumerate(node.inputs):
                others = node.inputs[:place] + node.inputs[place + 1 :]
                if trained or any(learns[other] for other in others):
                    saved.add(operand)
        elif node.SAVES:
            saved.update(node.inputs)
    memory = {_owner(nodes, index) for index in saved if where[index].kind == "tokens"}
    return interior + sum(nodes[index].width for index in memory)


def _owner(nodes: Sequence[PlanNode], index: int) -> int:
    """The node in whose memory a value lies."""
    while nodes[index].VIEW:
        (index,) = nodes[index].inputs
    return index


def _is_trained(node: PlanNode, tensors: Sequence[TensorSpec]) -> bool:
    return any(not tensors[index].frozen for index in node.tensors)


def _learning(nodes: Sequence[PlanNode], tensors: Sequence[TensorSpec]) -> list[bool]:
    """Whether a gradient flows back through each value."""
    found: list[bool] = []
    for node in nodes:
        ends = isinstance(node, InputNode | OutputNode)
        below = any(found[operand] for operand in node.inputs)
        found.append(ends or below or _is_trained(node, tensors))
    return found


def _of_contraction(
    node: ContractionNode, learns: Sequence[bool], tensors: Sequence[TensorSpec]
) -> tuple[set[int], int]:
    """The nodes whose values are kept, and the elements of intermediates for each token.

    Each side of a product is kept for the gradient of the other.
    """
    working: list[tuple[int | None, int, bool]] = []
    for operand in node.network.operands:
        match operand:
            case DataOperand(node=index):
                working.append((index, 0, learns[index]))
            case FrameOperand(frame=frame):
                working.append((None, 0, frame.angles is not None))
            case _:
                working.append((None, 0, not tensors[operand.tensor].frozen))
    read: set[int] = set()
    interior = 0
    for step, shape in zip(node.steps, result_shapes(node, tokens=1), strict=True):
        places = (step.left,) if step.right is None else (step.left, step.right)
        chosen = [working[place] for place in places]
        if len(chosen) == 2:
            for (source, elements, _), (_, _, other) in (chosen, chosen[::-1]):
                if other and source is not None:
                    read.add(source)
                elif other:
                    interior += elements
        working = [entry for place, entry in enumerate(working) if place not in places]
        size = math.prod(shape) if step.batched else 0
        working.append((None, size, any(grad for _, _, grad in chosen)))
    return read, interior
