"""The graph of a Program or Plan in the DOT language of Graphviz."""

from __future__ import annotations

from qcompile.ir.plan import Plan
from qcompile.ir.program import Program

_COLOURS = {"circuit": "lightblue", "network": "lightyellow", "plain": "white"}


def dot(value: Program | Plan) -> str:
    """One box per node with its kind and width, edges labelled with widths; ends in a newline."""
    name = f"{value.adapter} {value.in_features} -> {value.out_features}"
    lines = [f'digraph "{_escaped(name)}" {{', "  node [shape=box, style=filled];"]
    for index, node in enumerate(value.nodes):
        text = _escaped(f"%{index} {node.label}") + f"\\n{node.width}"
        lines.append(f'  n{index} [label="{text}", fillcolor={_COLOURS[node.FAMILY]}];')
        for operand in node.inputs:
            lines.append(f'  n{operand} -> n{index} [label="{value.nodes[operand].width}"];')
    lines.append(f'  out [label="{value.mode}", shape=ellipse, fillcolor=white];')
    lines.append(f"  n{value.result} -> out;")
    return "\n".join([*lines, "}"]) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
