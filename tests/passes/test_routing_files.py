"""Circuits on their way to a device before and after passes, as files: `routings/*.txt`.

A remark, the passes that have run before or `nothing`, the pipeline that is shown, the device,
the circuit, `becomes`, the circuit's variants and its candidates after it.
`pytest tests/passes/test_routing_files.py --update-golden` writes what comes after it anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qcompile.backends.devices import load_device
from qcompile.backends.devices.choice import choice_of, target_for
from qcompile.ir.circuit import Circuit, Expectations, Readout
from qcompile.ir.circuit_text import circuit_from_text, gate_text, pauli_text
from qcompile.ir.routing import Routing, start_routing
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.pipeline import Pipeline
from qcompile.passes.registry import PASSES
from qcompile.testing.circuit_strategies import sample_inputs
from qcompile.testing.dense_oracle import dense_outputs

FILES = sorted(Path(__file__).with_name("routings").glob("*.txt"))


def parts(path: Path) -> tuple[str, Pipeline, Routing, Context, str]:
    """(all up to the text after it, pipeline, before it, its context, text after it)."""
    head, _, after = path.read_text("utf-8").partition("becomes\n")
    remark, given, shown, device_name, _, written = head.split("\n", 5)
    assert remark.startswith("# ")
    device = load_device(choice_of(device_name.removeprefix("on ")))
    context = Context(device=device, target=target_for(device))
    first = Pipeline.parse("" if given == "after nothing" else given.removeprefix("after "))
    before = carried(first, start_routing(circuit_from_text(written), device), context)
    return f"{head}becomes\n", Pipeline.parse(shown), before, context, after


def carried(pipeline: Pipeline, routing: Routing, context: Context) -> Routing:
    for step in pipeline.passes:
        assert isinstance(step, DevicePass)
        before, routing = routing, step.run(routing, context)
        step.ensures(before, routing, context)
    return routing


def text_of(routing: Routing) -> str:
    lines = []
    for variant in routing.variants:
        lines.append(f"variant {variant.rewriting}, qubits end on wires {listed(variant.wires)}")
        lines += [f"  {gate_text(gate)}" for gate in variant.gates]
        lines.append(measured(variant.readout))
    for draft in routing.drafts:
        ends = f"{listed(draft.initial)} to {listed(draft.final)}"
        lines.append(f"candidate {draft.variant.rewriting}, {draft.placement}: wires on {ends}")
        if draft.gates is not None:
            lines += [f"  {gate_text(gate)}" for gate in draft.gates]
            lines.append(measured(draft.readout))
        if draft.simulated is not None:
            lines.append(f"  simulated error {draft.simulated:.4f}")
    return "\n".join(lines) + "\n"


def measured(readout: Readout) -> str:
    assert isinstance(readout, Expectations)
    return f"  measure {', '.join(map(pauli_text, readout.paulis))}"


def listed(numbers: tuple[int, ...]) -> str:
    return " ".join(map(str, numbers))


def circuits(routing: Routing) -> Iterator[Circuit]:
    for variant in routing.variants:
        yield replace(routing.circuit, gates=variant.gates, readout=variant.readout)
    for draft in routing.drafts:
        if draft.gates is not None:
            yield replace(
                routing.circuit,
                qubits=routing.device.qubits,
                gates=draft.gates,
                readout=draft.readout,
            )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_becomes_what_the_file_says(path: Path, pytestconfig: pytest.Config) -> None:
    head, pipeline, before, context, expected = parts(path)
    after = carried(pipeline, before, context)
    found = text_of(after)
    if pytestconfig.getoption("--update-golden"):
        path.write_text(head + found, encoding="utf-8")
        expected = found
    assert found == expected
    assert after != before, "a file shows what a pass does"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_circuit_of_a_file_gives_the_same_values(path: Path) -> None:
    _, pipeline, before, context, _ = parts(path)
    data, angles = sample_inputs(before.circuit, 11)
    expected = dense_outputs(before.circuit, data, angles)
    for circuit in circuits(carried(pipeline, before, context)):
        np.testing.assert_allclose(dense_outputs(circuit, data, angles), expected, atol=1e-12)


def test_every_pass_of_the_stage_has_a_file() -> None:
    shown = {type(step) for path in FILES for step in parts(path)[1].passes}
    own = {PASSES[name] for name in PASSES.built_in}
    assert shown == {step for step in own if issubclass(step, DevicePass)}
