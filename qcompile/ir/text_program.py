"""The text form of a Program: tensors, nodes, circuits."""

from __future__ import annotations

from qcompile.ir.circuit import Circuit
from qcompile.ir.circuit_text import circuit_lines
from qcompile.ir.network import NetworkNode
from qcompile.ir.node import ProgramNode, references
from qcompile.ir.orthogonal import UnitaryNode
from qcompile.ir.program import CircuitNode, Program
from qcompile.ir.text_orthogonal import (
    Tensors,
    network_frame_lines,
    network_text,
    orthogonal_lines,
    unitary_text,
)
from qcompile.ir.text_training import training_lines
from qcompile.ir.text_values import host_text, parameter_text, tensor_line, tensor_name


def program_lines(program: Program) -> list[str]:
    """One line per tensor, node and gate; equal circuits are printed once."""
    circuits: dict[Circuit, int] = {}
    control = ", control" if program.control else ""
    host = host_text(program.host, program.padding)
    sizes = f"{program.in_features} -> {program.out_features}"
    lines = [f"program {program.adapter} {sizes}, {program.mode}{host}{control}"]
    if program.parameters:
        lines.append(f"  parameters {parameter_text(program.parameters)}")
    lines += [f"  {tensor_line(k, tensor)}" for k, tensor in enumerate(program.tensors)]
    for index, node in enumerate(program.nodes):
        text = _node_text(node, program.tensors, circuits)
        lines.append(f"  %{index} = {text} -> {node.width}")
        lines += [f"    {line}" for line in _detail(node)]
    lines.append(f"  result %{program.result}")
    lines += [f"  {line}" for line in training_lines(program.training, program.tensors)]
    for circuit, index in circuits.items():
        head, *rest = circuit_lines(circuit)
        lines.append(f"  c{index} = {head}")
        lines += [f"  {line}" for line in rest]
    return lines


def _node_text(node: ProgramNode, tensors: Tensors, circuits: dict[Circuit, int]) -> str:
    match node:
        case UnitaryNode():
            return unitary_text(node, tensors)
        case NetworkNode():
            return network_text(node, tensors)
        case CircuitNode(operands=operands, circuit=circuit, angles=angles):
            name = f"c{circuits.setdefault(circuit, len(circuits))}"
            trained = "" if angles is None else f" {tensor_name(tensors[angles])}"
            return f"circuit {name} {references(operands)}".rstrip() + trained
        case _:
            return node.text(tensors)


def _detail(node: ProgramNode) -> list[str]:
    match node:
        case UnitaryNode(orthogonal=orthogonal):
            return orthogonal_lines(orthogonal)
        case NetworkNode():
            return network_frame_lines(node)
        case _:
            return []
