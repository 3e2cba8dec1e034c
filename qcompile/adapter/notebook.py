"""A compiled adapter as a notebook shows it: a table, its graphs and circuits, all inline."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from qcompile.artifact.layout import trainable_parameters
from qcompile.ir.circuit import Circuit
from qcompile.ir.compilation import PlannedSet
from qcompile.ir.orthogonal import circuit_of
from qcompile.ir.plan import EvaluationNode, Plan, orthogonals
from qcompile.ir.svg_circuit import circuit_svg
from qcompile.ir.svg_graph import graph_svg

MOST_PLANS = 4
"""Plans that are drawn; the table has all."""
MOST_NAMES = 3
"""Modules that a line of the table names."""

COLUMNS = ("adapter", "modules", "size", "parameters", "FLOPs/token", "circuits", "evaluator")


def adapter_html(planned: PlannedSet) -> str:
    """A fragment of HTML that needs no script, no style sheet and no network.

    Everything that a file or a user could have named is escaped.
    """
    total = trainable_parameters(planned)
    count = len(planned.sites)
    units = list(dict.fromkeys(site.unit for site in planned.sites))
    modules = f"{count} module{'s' if count != 1 else ''}"
    parts = [
        f"<p><b>CompiledAdapter</b>: {total:,} trainable parameters for {modules}</p>",
        _table(planned, units),
    ]
    for unit in units[:MOST_PLANS]:
        parts.append(_drawings(planned.plans[unit], opened=unit == units[0]))
    if len(units) > MOST_PLANS:
        parts.append(f"<p>{len(units) - MOST_PLANS} more plans are not drawn</p>")
    return f'<div class="qcompile">{"".join(parts)}</div>'


def _table(planned: PlannedSet, units: list[int]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in COLUMNS)
    rows = ""
    for unit in units:
        plan = planned.plans[unit]
        names = [site.module for site in planned.sites if site.unit == unit]
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in _cells(plan, names))
        rows += f'<tr title="{escape(", ".join(names))}">{cells}</tr>'
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cells(plan: Plan, names: list[str]) -> Iterator[str]:
    circuits = [node for node in plan.nodes if isinstance(node, EvaluationNode)]
    yield _name(plan)
    shown = [name or "(none)" for name in names[:MOST_NAMES]]
    more = len(names) - len(shown)
    yield ", ".join([*shown, *([f"{more} more"] if more else [])])
    yield f"{plan.in_features} → {plan.out_features}"
    yield f"{plan.costs.parameters:,}"
    yield f"{plan.costs.forward_flops_per_token:,.0f}"
    names_of = [_circuit_name(node.evaluation.circuit) for node in circuits]
    names_of += [f"unitary of {m.orthogonal.size}" for n in plan.nodes for m in orthogonals(n)]
    yield ", ".join(names_of)
    yield ", ".join(dict.fromkeys(node.evaluation.kind for node in circuits))


def _drawings(plan: Plan, *, opened: bool) -> str:
    graph = graph_svg(plan)
    drawn = _scrolled(graph) if graph else f"<p>{len(plan.nodes)} nodes are too many to draw</p>"
    for circuit in dict.fromkeys(_circuits(plan)):
        drawn += f"<p>{_circuit_name(circuit)}</p>{_scrolled(circuit_svg(circuit))}"
    title = escape(f"{_name(plan)} {plan.in_features} → {plan.out_features}")
    state = ' open=""' if opened else ""
    return f"<details{state}><summary>{title}</summary>{drawn}</details>"


def _circuits(plan: Plan) -> Iterator[Circuit]:
    """Those that are evaluated, and those whose matrices are used."""
    for node in plan.nodes:
        if isinstance(node, EvaluationNode):
            yield node.evaluation.circuit
        for matrix in orthogonals(node):
            for block in matrix.orthogonal.blocks:
                yield circuit_of(block, matrix.orthogonal.angle_count)


def _scrolled(drawing: str) -> str:
    return f'<div style="overflow-x: auto">{drawing}</div>'


def _name(plan: Plan) -> str:
    return f"{plan.adapter} (control)" if plan.control else plan.adapter


def _circuit_name(circuit: Circuit) -> str:
    return (
        f"{circuit.qubits} qubits, {len(circuit.gates)} gates, {circuit.angle_count} angles"
        f" → {circuit.outputs}"
    )
