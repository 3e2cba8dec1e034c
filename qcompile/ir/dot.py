"""The graph of a Program or Plan in the DOT language of Graphviz."""

from __future__ import annotations

from qcompile.ir import plan as plans
from qcompile.ir import program as programs
from qcompile.ir.network import ContractionNode, NetworkNode
from qcompile.ir.nodes import ActivationNode, ScaleNode, SliceNode
from qcompile.ir.orthogonal import UnitaryNode
from qcompile.ir.plan import EvaluationNode, Plan
from qcompile.ir.program import CircuitNode, LinearNode, MpoNode, Program, TensorGatesNode

_COLOURS = {"circuit": "lightblue", "network": "lightyellow", "plain": "white"}


def dot(value: Program | Plan) -> str:
    """One box per node with its kind and width, edges labelled with widths; ends in a newline."""
    name = f"{value.adapter} {value.in_features} -> {value.out_features}"
    lines = [f'digraph "{_escaped(name)}" {{', "  node [shape=box, style=filled];"]
    for index, node in enumerate(value.nodes):
        family, label = label_of(node)
        text = _escaped(f"%{index} {label}") + f"\\n{node.width}"
        lines.append(f'  n{index} [label="{text}", fillcolor={_COLOURS[family]}];')
        for operand in operands_of(node):
            lines.append(f'  n{operand} -> n{index} [label="{value.nodes[operand].width}"];')
    lines.append(f'  out [label="{value.mode}", shape=ellipse, fillcolor=white];')
    lines.append(f"  n{value.result} -> out;")
    return "\n".join([*lines, "}"]) + "\n"


def operands_of(node: programs.ProgramNode | plans.PlanNode) -> tuple[int, ...]:
    """Indices of the nodes that a node reads, at either level."""
    if isinstance(node, (ContractionNode, EvaluationNode)):
        return plans.operands(node)
    return programs.operands(node)


def label_of(node: programs.ProgramNode | plans.PlanNode) -> tuple[str, str]:
    """(`circuit`, `network` or `plain`; what it is in a few words)."""
    match node:
        case CircuitNode(circuit=circuit):
            return "circuit", f"circuit {circuit.qubits} qubits {len(circuit.gates)} gates"
        case EvaluationNode(evaluation=evaluation):
            gates = len(evaluation.circuit.gates)
            return "circuit", f"{evaluation.kind} {evaluation.circuit.qubits} qubits {gates} gates"
        case MpoNode(in_modes=inp, out_modes=out):
            modes = f"{'*'.join(map(str, inp))} to {'*'.join(map(str, out))}"
            return "network", f"mpo {modes}"
        case TensorGatesNode(gates=gates, modes=axes):
            return "network", f"{len(gates)} gates on {'*'.join(map(str, axes))}"
        case LinearNode():
            return "network", "linear"
        case UnitaryNode(orthogonal=orthogonal, adjoint=adjoint):
            return "network", f"unitary of {orthogonal.size}" + (" transposed" if adjoint else "")
        case NetworkNode():
            return "network", f"network of {len(node.operands)}"
        case ContractionNode(network=network):
            return "network", f"contraction of {len(network.operands)}"
        case ActivationNode(kind=kind):
            return "plain", kind
        case ScaleNode(factor=factor):
            return "plain", f"scale {factor:g}"
        case SliceNode(start=start, width=width):
            return "plain", f"slice {start}:{start + width}"
        case _:
            return "plain", type(node).__name__.removesuffix("Node").lower()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
