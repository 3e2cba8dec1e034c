"""Which trainable tensors get a gradient."""

from __future__ import annotations

from qcompile.ir.light_cone import influential_angles, influential_data
from qcompile.ir.node import ProgramNode
from qcompile.ir.ops.elementwise import ActivationNode
from qcompile.ir.program import CircuitNode, Program


def tensors_without_gradient(program: Program) -> tuple[int, ...]:
    """Indices of the tensors on which the result does not depend, or through a step alone.

    Frozen tensors, which need none, are left out. A tensor of angles counts as a whole: some of its
    elements may still have no influence.
    """
    reached = {program.result}
    found: set[int] = set()
    for index in range(len(program.nodes) - 1, -1, -1):
        if index in reached:
            node = program.nodes[index]
            found.update(_tensors(node))
            reached.update(_operands(node, program))
    return tuple(
        index
        for index, tensor in enumerate(program.tensors)
        if index not in found and not tensor.frozen
    )


def _tensors(node: ProgramNode) -> tuple[int, ...]:
    if isinstance(node, CircuitNode) and not influential_angles(node.circuit):
        return ()
    return node.tensors


def _operands(node: ProgramNode, program: Program) -> tuple[int, ...]:
    match node:
        case ActivationNode(function=function) if function.flat:
            return ()
        case CircuitNode(circuit=circuit):
            used = influential_data(circuit)
            found, start = [], 0
            for operand in node.operands:
                stop = start + program.nodes[operand].width
                if not used.isdisjoint(range(start, stop)):
                    found.append(operand)
                start = stop
            return tuple(found)
        case _:
            return node.inputs
