"""What a notebook shows: well-formed, complete, and harmless whatever things are called."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

import qcompile
from qcompile.adapter import CompiledAdapter
from qcompile.ir.circuit import Circuit, Expectations, Gate, Pauli, ZeroState
from qcompile.ir.ops.arithmetic import ScaleNode
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.plan import EvaluationNode
from qcompile.ir.program import Program
from qcompile.ir.svg_circuit import MOST_COLUMNS, circuit_svg
from qcompile.ir.svg_graph import MOST_NODES, graph_svg

EXAMPLES = Path(__file__).parents[2] / "examples"
HOSTILE = '<img src=x onerror="alert(1)">&amp;\'</td></table><script>alert(2)</script>'
ALLOWED = {
    "div", "p", "b", "table", "thead", "tbody", "tr", "th", "td", "details", "summary",
    "svg", "path", "rect", "circle", "text", "g", "title",
}  # fmt: skip
SHAPED = """qa 1
adapter wave(n: int = 3) {
    shape 6 -> 4
    h = linear(x, to: n)
    q = circuit(n qubits) {
        encode angle(h, gate: ry)
        crz ring
        ry
        measure z
    }
    update linear(q, to: out_features, init: zero)
}
"""


def parsed(html: str) -> Element:
    """The page as a tree; the fragment is well-formed XML, so that nothing can hide in it."""
    page = ET.fromstring(html)
    assert {tag.tag.rpartition("}")[2] for tag in page.iter()} <= ALLOWED
    for tag in page.iter():
        assert not any(name.lower().startswith("on") for name in tag.attrib)
        assert not any(name in tag.attrib for name in ("href", "src"))
    return page


def tags(page: Element, name: str) -> list[Element]:
    return [tag for tag in page.iter() if tag.tag.rpartition("}")[2] == name]


def texts(page: Element, name: str) -> list[str]:
    return ["".join(tag.itertext()) for tag in tags(page, name)]


def test_a_table_a_graph_and_a_circuit() -> None:
    adapter = qcompile.compile(SHAPED)
    page = parsed(adapter._repr_html_())
    cells = texts(page, "td")
    assert cells[:4] == ["wave", "(none)", "6 → 4", f"{18 + 6 + 12:,}"]
    assert cells[5] == "3 qubits, 9 gates, 6 angles → 3" and cells[6] == "fused"
    graph, circuit = tags(page, "svg")
    plan = adapter.manifest.planned.plans[0]
    assert len(tags(graph, "rect")) == len(plan.nodes)
    edges = sum(len(set(node.inputs)) for node in plan.nodes)
    assert len(tags(graph, "path")) == edges + 1
    (node,) = [n for n in plan.nodes if isinstance(n, EvaluationNode)]
    gates = node.evaluation.circuit.gates
    assert len(texts(circuit, "title")) == len(gates) == 9
    assert len(tags(circuit, "circle")) == 3
    assert {"⟨Z0⟩", "⟨Z1⟩", "⟨Z2⟩"} <= set(texts(circuit, "text"))


def test_mime_bundle_has_both_forms() -> None:
    adapter = qcompile.compile(SHAPED)
    bundle = adapter._repr_mimebundle_()
    assert bundle == {"text/plain": repr(adapter), "text/html": adapter._repr_html_()}
    assert set(adapter._repr_mimebundle_(include={"text/plain"})) == {"text/plain"}
    assert set(adapter._repr_mimebundle_(exclude={"text/html"})) == {"text/plain"}


@pytest.mark.parametrize("control", [False, True])
def test_a_model_with_several_sizes(control: bool) -> None:
    adapter = qcompile.compile(EXAMPLES / "qaa.qa", control=control)
    page = parsed(adapter._repr_html_())
    assert len(texts(page, "summary")) == 2
    assert "5,712 trainable parameters for 8 modules" in texts(page, "p")[0]
    assert texts(page, "td")[0] == ("qaa (control)" if control else "qaa")
    assert "1 more" in texts(page, "td")[1]
    assert len(tags(page, "svg")) == (2 if control else 4)


def test_orthogonal_matrices() -> None:
    page = parsed(qcompile.compile(EXAMPLES / "quantum_peft.qa")._repr_html_())
    assert "unitary of 128" in texts(page, "td")[5]
    assert len(tags(page, "svg")) >= 3


def test_prefixes() -> None:
    page = parsed(qcompile.compile(EXAMPLES / "prefix_tuning.qa")._repr_html_())
    (graph,) = tags(page, "svg")
    assert texts(graph, "text")[-1] == "prefix"


def test_hostile_names_are_escaped() -> None:
    manifest = qcompile.compile(SHAPED).manifest
    planned = manifest.planned
    sites = tuple(replace(site, module=HOSTILE, adapter=HOSTILE) for site in planned.sites)
    plans = tuple(replace(plan, adapter=HOSTILE) for plan in planned.plans)
    adapter = CompiledAdapter(replace(manifest, planned=replace(planned, sites=sites, plans=plans)))
    html = adapter._repr_html_()
    page = parsed(html)
    assert "<script" not in html and "<img" not in html
    assert texts(page, "td")[:2] == [HOSTILE, HOSTILE]
    assert tags(page, "tr")[1].attrib == {"title": HOSTILE}
    assert texts(page, "summary") == [f"{HOSTILE} 6 → 4"]


def test_large_graphs_are_left_out() -> None:
    def program(count: int) -> Program:
        nodes = [ScaleNode(operand=k, factor=1.0, width=2) for k in range(count - 1)]
        return Program(
            adapter="long", in_features=2, out_features=2, mode="add",
            nodes=(InputNode(width=2), *nodes), result=count - 1, tensors=(), parameters=(),
        )  # fmt: skip

    assert len(tags(parsed(graph_svg(program(MOST_NODES))), "rect")) == MOST_NODES
    assert graph_svg(program(MOST_NODES + 1)) == ""


def test_long_circuits_say_what_is_left_out() -> None:
    gates = tuple(Gate(name="h", qubits=(0,)) for _ in range(MOST_COLUMNS + 7))
    circuit = Circuit(
        qubits=1, data_width=0, angle_count=0, initial=ZeroState(), gates=gates,
        readout=Expectations(paulis=(Pauli(letters=((0, "Z"),)),)),
    )  # fmt: skip
    page = parsed(circuit_svg(circuit))
    assert len(tags(page, "g")) == MOST_COLUMNS
    assert "… 7 more gates" in texts(page, "text")
