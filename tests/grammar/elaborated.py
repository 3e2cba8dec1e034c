"""Elaborates texts for tests."""

from __future__ import annotations

from collections.abc import Mapping

from qcompile.diagnostics import Collector, Source, UsageError
from qcompile.diagnostics.messages.usage import FileNotFound
from qcompile.diagnostics.render_human import render_human
from qcompile.grammar.elaborate import Override
from qcompile.grammar.frontend import load_spec
from qcompile.ir.spec import Body, Spec
from qcompile.ir.spec_node import SpecNode
from qcompile.ir.verify_spec import verify_spec


def spec_of(text: str, *definitions: str, files: Mapping[str, str] | None = None) -> Spec:
    """Return the spec of a text that has no errors."""
    spec, codes, shown = outcome(text, *definitions, files=files)
    assert spec is not None, f"{codes}\n{shown}"
    verify_spec(spec)
    return spec


def codes_of(text: str, *definitions: str, files: Mapping[str, str] | None = None) -> list[str]:
    """Return the codes of all diagnostics of a text."""
    return outcome(text, *definitions, files=files)[1]


def outcome(
    text: str, *definitions: str, files: Mapping[str, str] | None = None
) -> tuple[Spec | None, list[str], str]:
    """Return the spec, the codes of the diagnostics, and how they are shown."""

    def read(path: str) -> Source:
        if path not in (files or {}):
            raise UsageError(FileNotFound(path=path))
        return Source(path, (files or {})[path])

    collector = Collector()
    overrides = [Override.parse(definition) for definition in definitions]
    spec = load_spec(Source("test.qa", text), overrides, collector, read=read)
    shown = render_human(collector.diagnostics)
    assert (spec is None) == collector.has_errors, shown
    return spec, [item.code for item in collector.diagnostics], shown


def body_of(statements: str, *definitions: str, head: str = "adapter a(rank: int = 8)") -> Body:
    """Return the body of an adapter that is attached somewhere."""
    return spec_of(adapter(statements, head), *definitions).adapters[0].bodies[0]


def adapter(statements: str, head: str = "adapter a(rank: int = 8)") -> str:
    """Return a file with one adapter."""
    return f'qa 1\n{head} {{\nattach "*.q_proj"\n{statements}\n}}\n'


def circuit(statements: str, qubits: int = 4) -> str:
    """Return a file with one circuit, fed with a value `v` as wide as there are qubits."""
    measure = "" if "measure" in statements else "measure z\n"
    return adapter(
        f"v = linear(x, to: {qubits})\n"
        f"q = circuit({qubits} qubits) {{\n{statements}\n{measure}}}\n"
        "update linear(concat(q, v), to: out_features, init: zero)"
    )


def named(body: Body) -> dict[str, SpecNode]:
    """Return the nodes that have tensors, by their names."""
    return {node.name: node for node in body.nodes if hasattr(node, "name")}
