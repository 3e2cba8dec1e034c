"""Approximation of bound circuits: its bound holds, and it gains where angles are small."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import qcompile
from qcompile.adapter.circuits import AdapterCircuit
from qcompile.backends.devices import load_device
from qcompile.backends.devices.choice import choice_of, target_for
from qcompile.cli.command_line import parse_arguments
from qcompile.diagnostics.errors import CompileError, UsageError
from qcompile.executors.measured.service import Placed
from qcompile.ir.bind import bind_routed
from qcompile.ir.circuit import Circuit
from qcompile.ir.circuit_analysis import two_qubit_gates
from qcompile.ir.device import RoutedCircuit, gates_of
from qcompile.passes.base import Context
from qcompile.passes.device.approximate import approximated
from qcompile.passes.device.route import route
from qcompile.passes.pipeline import Pipeline, device_passes
from qcompile.services.aer import AerProvider
from qcompile.services.jobs import JobService
from qcompile.testing.circuit_strategies import circuits, seeds
from qcompile.testing.dense_oracle import dense_outputs
from tests.export.readers import schema_errors


def routed(circuit: Circuit, name: str) -> RoutedCircuit:
    device = load_device(choice_of(name))
    context = Context(device=device, target=target_for(device), optimisation=0)
    found = route(circuit, device_passes(Pipeline.parse(""), context), context)
    assert found is not None
    return found.best


def outputs(found: RoutedCircuit) -> np.ndarray:
    return np.asarray(dense_outputs(found.circuit, np.zeros((1, 0)), np.zeros(0)))


@settings(max_examples=25)
@given(
    circuit=circuits(amplitude=False, max_qubits=3),
    seed=seeds,
    size=st.sampled_from((0.02, 0.3, 3.0)),
    name=st.sampled_from(("fake_manila", "fake_sherbrooke", "fake_torino", "line(4)")),
)
def test_outputs_stay_within_the_bound(circuit: Circuit, seed: int, size: float, name: str) -> None:
    drawn = np.random.default_rng(seed)
    device = load_device(choice_of(name))
    exact = bind_routed(
        routed(circuit, name),
        data=drawn.uniform(-size, size, circuit.data_width),
        angles=drawn.uniform(-size, size, circuit.angle_count),
    )
    found = approximated(exact, device)
    pairs = [two_qubit_gates(one.circuit.gates) for one in (exact, found.routed)]
    assert pairs[1] <= pairs[0] and (pairs[1] < pairs[0] or found.routed == exact)
    assert 0.0 <= found.bound <= 2.0
    np.testing.assert_allclose(
        outputs(found.routed), outputs(exact), rtol=0.0, atol=found.bound + 1e-7
    )
    native = gates_of(device)
    for gate in found.routed.circuit.gates:
        places = tuple(found.routed.physical[qubit] for qubit in gate.qubits)
        assert (gate.name, places) in native


SOURCE = """qa 1
target torino { device: "fake_torino"; dtype: float64 }
adapter small() on torino {
    shape 4 -> 4
    q = circuit(4 qubits) {
        encode angle(x, gate: ry)
        repeat 3 {
            ry
            ENTANGLER
        }
        ry
        measure z
    }
    update q
}
"""


def small(entangler: str, size: float) -> AdapterCircuit:
    adapter = qcompile.compile(SOURCE.replace("ENTANGLER", entangler))
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.uniform_(-size, size)
    (circuit,) = adapter.circuits()
    return circuit.bind(np.linspace(-1.0, 1.0, 4))


def noisy(circuit: AdapterCircuit) -> np.ndarray:
    assert circuit.routed is not None
    placed = Placed(circuit=circuit.routed.circuit, physical=circuit.routed.physical)
    service = JobService(provider=AerProvider("fake_torino", circuit.device), mitigate=True)
    return service.expectations([(placed, np.zeros((1, 0)))])[0]


def test_small_rotations_of_two_qubits_cost_more_than_they_do() -> None:
    exact = small("rzz line", 0.1)
    found = exact.approximated()
    assert exact.routed is not None and found.routed is not None
    before, after = (two_qubit_gates(c.routed.circuit.gates) for c in (exact, found) if c.routed)
    assert after < before / 2
    ideal = exact.values()
    assert np.abs(noisy(found) - ideal).mean() < 0.8 * np.abs(noisy(exact) - ideal).mean()
    deviation = found.deviation
    assert deviation is not None and deviation > 0.0
    assert np.abs(outputs(found.routed) - ideal).max() <= deviation
    manifest = json.loads(json.dumps(found.manifest()))
    schema = Path(__file__).parents[2] / "docs/circuit-manifest.schema.json"
    assert schema_errors(json.loads(schema.read_text("utf-8")), manifest) == []
    assert found.manifest()["approximation"] == {"deviation": deviation}
    assert "approximation" not in exact.manifest()


def test_blocks_that_are_numbers_are_written_anew_exactly() -> None:
    """Two `crz` on one coupling take two gates of the device, four while they are symbols."""
    exact = small("crz on (0, 1); ry; crz on (0, 1)", 2.5)
    found = exact.approximated()
    assert exact.routed is not None and found.routed is not None
    gates = [two_qubit_gates(one.circuit.gates) for one in (exact.routed, found.routed)]
    assert gates[1] <= gates[0] - 3
    # An entangler that stands alone stays.
    alone = small("cz line", 0.1)
    assert alone.approximated().routed == alone.routed and alone.approximated().deviation == 0.0


def test_what_is_on_no_device_is_not_approximated(tmp_path: Path) -> None:
    circuit = small("rzz line", 0.1)
    with pytest.raises(CompileError) as caught:
        replace(circuit, routed=None, device=None).approximated()
    assert caught.value.diagnostics[0].code == "QA4270"
    with pytest.raises(UsageError, match="--bind"):
        parse_arguments(["convert", "a.pt", "c.qpy", "--approximate"])
