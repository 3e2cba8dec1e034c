"""Regions of devices, scores, and routing on a real device's calibration."""

from __future__ import annotations

import os
import subprocess
import sys

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcompile.backends.devices import load_device
from qcompile.diagnostics import Message
from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, ZeroState
from qcompile.ir.circuit_analysis import two_qubit_gates
from qcompile.ir.device import Device, RoutedCircuit
from qcompile.ir.routing import Draft, moved, start_routing
from qcompile.ir.target import NamedDevice, Objective, Target
from qcompile.passes.device.lexi_route import gates_on
from qcompile.passes.device.native import native_pairs, region, usable_qubits
from qcompile.passes.device.score import estimated_success, rank, timed_depth
from qcompile.testing.circuit_strategies import sample_inputs
from qcompile.testing.dense_oracle import dense_outputs
from tests.passes.routed import route


def silent(message: Message) -> None:
    raise AssertionError(message.diagnostic().title)


def device_on(graph: nx.Graph, **more: object) -> Device:
    edges = tuple(sorted((min(edge), max(edge)) for edge in graph.edges))
    return Device(
        name="graph",
        qubits=graph.number_of_nodes(),
        edges=edges,
        native=("rz", "sx", "x", "cz"),
        **more,  # type: ignore[arg-type]
    )


@given(nodes=st.integers(1, 12), wanted=st.integers(1, 12), seed=st.integers(0, 99))
def test_region_is_connected_and_its_pairs_are_couplings(
    nodes: int, wanted: int, seed: int
) -> None:
    graph = nx.gnm_random_graph(nodes, nodes + 2, seed=seed)
    device = device_on(graph)
    usable = usable_qubits(device)
    assert len(usable) == max(map(len, nx.connected_components(graph)))
    if wanted > len(usable):
        with pytest.raises(ValueError, match="connected qubits"):
            native_pairs(device, wanted)
        return
    chosen = region(device, wanted, "couplings")
    assert len(chosen) == wanted and nx.is_connected(graph.subgraph(chosen))
    pairs = native_pairs(device, wanted)
    back = {(chosen[a], chosen[b]) for a, b in pairs}
    assert back == {tuple(sorted(edge)) for edge in graph.subgraph(chosen).edges}
    assert all(a < b for a, b in pairs) and pairs == tuple(sorted(pairs))


def test_many_couplings_are_preferred() -> None:
    graph = nx.path_graph(6)
    graph.add_edges_from([(5, 6), (6, 7), (7, 5)])
    assert region(device_on(graph), 3, "couplings") == (5, 6, 7)
    assert native_pairs(device_on(graph), 3) == ((0, 1), (0, 2), (1, 2))


def test_low_errors_decide_among_equals() -> None:
    graph = nx.path_graph(5)
    rates: list[tuple[tuple[int, ...], float]] = [((q, q + 1), 0.01 / (q + 1)) for q in range(4)]
    device = device_on(graph, gate_errors=tuple(rates))
    assert region(device, 2, "couplings") == region(device, 2, "errors") == (3, 4)


def circuit(qubits: int, pairs: tuple[tuple[int, int], ...]) -> Circuit:
    turns = tuple(
        Gate(name="ry", qubits=(q,), angles=(Affine(data=((q, 0.3),), angles=((q, 1.0),)),))
        for q in range(qubits)
    )
    links = tuple(Gate(name="cx", qubits=pair) for pair in pairs)
    return Circuit(
        qubits=qubits,
        data_width=qubits,
        angle_count=qubits,
        initial=ZeroState(),
        gates=(*turns, *links, *turns, *links),
        readout=Expectations(paulis=tuple(Pauli(letters=((q, "Z"),)) for q in range(qubits))),
    )


RING = circuit(5, ((0, 1), (1, 2), (2, 3), (3, 4), (4, 0)))


@pytest.mark.parametrize("objective", ["gates", "depth", "fidelity"])
@pytest.mark.parametrize("name", ["fake_torino", "fake_nighthawk", "fake_guadalupe"])
def test_routing_on_calibrated_devices(name: str, objective: Objective) -> None:
    device = load_device(NamedDevice(name=name))
    routed = route(RING, device, objective, remark=silent)
    assert routed is not None
    inner = routed.circuit
    for gate in inner.gates:
        assert gate.name in device.native
        if len(gate.qubits) == 2:
            assert tuple(sorted(routed.physical[q] for q in gate.qubits)) in device.edges
    data, angles = sample_inputs(RING, 2)
    np.testing.assert_allclose(
        dense_outputs(inner, data, angles), dense_outputs(RING, data, angles), atol=1e-10
    )


def test_each_objective_is_best_at_its_own() -> None:
    device = load_device(NamedDevice(name="fake_torino"))
    routed: dict[Objective, RoutedCircuit] = {}
    objectives: tuple[Objective, ...] = ("gates", "depth", "fidelity")
    for objective in objectives:
        found = route(RING, device, objective, remark=silent)
        assert found is not None
        routed[objective] = found
    for mine in objectives:
        target = Target(name="t", optimise=mine)
        for other in objectives:
            ours, theirs = (as_draft(routed[objective], device) for objective in (mine, other))
            assert rank(ours, device, target) <= rank(theirs, device, target)


def as_draft(routed: RoutedCircuit, device: Device) -> Draft:
    (variant,) = start_routing(RING, device).variants
    table = routed.physical
    return Draft(
        variant=variant,
        placement="found",
        field=table,
        initial=tuple(table[place] for place in routed.initial),
        final=tuple(table[place] for place in routed.final),
        gates=gates_on(routed.circuit.gates, table),
        restored=moved(routed.circuit.readout, table),
    )


def test_scores_of_a_small_circuit() -> None:
    gates = (
        Gate(name="sx", qubits=(0,)),
        Gate(name="rz", qubits=(0,), angles=(Affine(constant=1.0),)),
        Gate(name="cz", qubits=(0, 1)),
        Gate(name="x", qubits=(1,)),
        Gate(name="sx", qubits=(2,)),
    )
    assert timed_depth(gates) == 3 and two_qubit_gates(gates) == 1
    device = device_on(
        nx.path_graph(4),
        gate_errors=(((1,), 0.1), ((1, 2), 0.2), ((2,), 0.3), ((3,), 0.5)),
        readout_errors=((0.9, 0.9), (0.0, 0.2), (0.9, 0.9), (0.9, 0.9)),
    )
    readout = Expectations(paulis=(Pauli(letters=((1, "Z"),)),))
    success = estimated_success(gates_on(gates, (1, 2, 3)), readout, device)
    assert success == pytest.approx(0.9 * 0.8 * 0.7 * 0.5 * 0.9)


def test_routing_does_not_depend_on_hash_seeds() -> None:
    script = (
        "from qcompile.backends.devices import load_device\n"
        "from qcompile.ir.circuit import *\n"
        "from qcompile.ir.target import NamedDevice\n"
        "from qcompile.ir.target import Target\n"
        "from qcompile.passes.base import Context\n"
        "from qcompile.passes.device.route import route\n"
        "from qcompile.passes.pipeline import device_passes, preset\n"
        "gates = tuple(Gate(name='cx', qubits=(a, b)) for a in range(6) for b in range(a))\n"
        "turns = tuple(Gate(name='ry', qubits=(q,), angles=(Affine(angles=((q, 1.0),)),))\n"
        "    for q in range(6))\n"
        "circuit = Circuit(qubits=6, data_width=0, angle_count=6, initial=ZeroState(),\n"
        "    gates=(*gates, *turns, *gates),\n"
        "    readout=Expectations(paulis=(Pauli(letters=((0, 'Z'),)),)))\n"
        "device = load_device(NamedDevice(name='fake_torino'))\n"
        "context = Context(device=device, target=Target(name='t', optimise='fidelity'))\n"
        "print(route(circuit, device_passes(preset(2), context), context))\n"
    )
    texts = set()
    for seed in ("0", "1", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        texts.add(done.stdout)
    assert len(texts) == 1
