"""Routing proved by unitaries up to the recorded permutations, and by the device's edges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcompile.diagnostics import CompileError, Message
from qcompile.ir.circuit import AmplitudeState, Circuit, Expectations, Gate, Pauli, ZeroState
from qcompile.ir.device import Device, RoutedCircuit, gates_of
from qcompile.ir.gates import GATES, GateName
from qcompile.ir.target import Objective
from qcompile.testing.circuit_strategies import circuits, sample_inputs, seeds
from qcompile.testing.dense_oracle import dense_outputs, dense_unitary
from tests.passes.routed import PLAIN, route

IDEAL: tuple[GateName, ...] = ("rz", "sx", "x", "cz")
OLD: tuple[GateName, ...] = ("rz", "sx", "x", "cx")
NATIVE: tuple[tuple[GateName, ...], ...] = (
    IDEAL,
    OLD,
    ("rz", "sx", "x", "ecr"),
    ("rz", "sx", "x", "rx", "cz", "rzz"),
    ("phase", "u2", "rot", "cx"),
    ("rz", "prx", "rzz"),
    ("prx", "cz"),
    ("gpi", "gpi2", "ms"),
    ("gpi", "gpi2", "rzz"),
    ("rz", "rx", "cz"),
    ("rz", "rx", "rxx"),
    ("rz", "sx", "cx", "ecr", "rzz"),
)
BOUNDS = (("rx", np.pi / 2, np.pi / 2), ("rzz", 0.0, np.pi / 2))
OBJECTIVES: tuple[Objective, ...] = ("gates", "depth", "fidelity")


def silent(message: Message) -> None:
    raise AssertionError(message.diagnostic().title)


def graphs(nodes: int, seed: int) -> dict[str, Any]:
    tree = nx.random_labeled_tree(nodes, seed=seed)
    extra = nx.gnm_random_graph(nodes, nodes // 2, seed=seed)
    return {
        "line": nx.path_graph(nodes),
        "ring": nx.cycle_graph(nodes),
        "star": nx.star_graph(nodes - 1),
        "grid": nx.convert_node_labels_to_integers(nx.grid_2d_graph(2, (nodes + 1) // 2)),
        "random": nx.compose(tree, extra),
    }


@st.composite
def devices(draw: st.DrawFn, max_qubits: int = 8) -> Device:
    nodes = draw(st.integers(2, max_qubits))
    shape = draw(st.sampled_from(("line", "ring", "star", "grid", "random")))
    graph = graphs(nodes, draw(st.integers(0, 99)))[shape]
    edges = tuple(sorted((min(e), max(e)) for e in graph.edges if e[0] != e[1]))
    qubits = graph.number_of_nodes()
    native = draw(st.sampled_from(NATIVE))
    limited = draw(st.booleans())
    bounds = tuple(bound for bound in BOUNDS if limited and bound[0] in native)
    plain = Device(name=shape, qubits=qubits, edges=edges, native=native, angle_bounds=bounds)
    directed = draw(st.booleans())
    if not draw(st.booleans()):
        if not directed:
            return plain
        gates = tuple(g for place, g in sorted(gates_of(plain).items()) if kept(place, native))
        return replace(plain, gates=gates)
    rates = np.random.default_rng(draw(st.integers(0, 99)))
    places: list[tuple[int, ...]] = sorted([*edges, *((q,) for q in range(qubits))])
    calibrated = replace(
        plain,
        gate_errors=tuple((place, float(rates.uniform(0, 0.05))) for place in places),
        readout_errors=tuple(
            (float(a), float(b)) for a, b in rates.uniform(0, 0.1, size=(qubits, 2))
        ),
    )
    gates = tuple(
        replace(gate, error=0.0 if gate.name == "rz" else float(rates.uniform(0, 0.05)))
        for place, gate in sorted(gates_of(calibrated).items())
        if not directed or kept(place, native)
    )
    return replace(calibrated, gates=gates)


def kept(place: tuple[str, tuple[int, ...]], native: tuple[GateName, ...]) -> bool:
    """One gate in one direction on every coupling."""
    name, qubits = place
    if len(qubits) == 1:
        return True
    entanglers = [gate for gate in native if GATES[gate].qubits == 2]
    forward = sum(qubits) % 3 == 0
    return name == entanglers[sum(qubits) % len(entanglers)] and (qubits[0] < qubits[1]) == forward


def embedding(places: tuple[int, ...], qubits: int) -> np.ndarray:
    """(2^qubits, 2^n): logical basis states with the other qubits in |0⟩."""
    n = len(places)
    matrix = np.zeros((2**qubits, 2**n))
    for column in range(2**n):
        bits = [0] * qubits
        for logical, place in enumerate(places):
            bits[place] = column >> (n - 1 - logical) & 1
        matrix[int("".join(map(str, bits)), 2), column] = 1.0
    return matrix


def assert_faithful(
    circuit: Circuit, routed: RoutedCircuit, device: Device, seed: int, *, as_unitary: bool
) -> None:
    """Of the device, and the same outputs; `as_unitary`: the same unitary, too."""
    inner = routed.circuit
    assert len(set(routed.physical)) == inner.qubits and sorted(routed.physical) == list(
        routed.physical
    )
    assert len(set(routed.initial)) == len(set(routed.final)) == circuit.qubits
    native = gates_of(device)
    bounds = {name: (low, high) for name, low, high in device.angle_bounds}
    for gate in inner.gates:
        assert (gate.name, tuple(routed.physical[qubit] for qubit in gate.qubits)) in native
        if gate.name in bounds:
            (angle,), (low, high) = gate.angles, bounds[gate.name]
            assert angle.is_constant and low <= angle.constant <= high
    assert (inner.data_width, inner.angle_count) == (circuit.data_width, circuit.angle_count)
    start = embedding(routed.initial, inner.qubits)
    end = embedding(routed.final, inner.qubits)
    for offset in range(2):
        data, angles = sample_inputs(circuit, seed + offset, batch=1)
        np.testing.assert_allclose(
            dense_outputs(inner, data, angles), dense_outputs(circuit, data, angles), atol=1e-9
        )
        if not as_unitary:
            continue
        expected = dense_unitary(circuit.gates, circuit.qubits, data[0], angles)
        found = end.T @ dense_unitary(inner.gates, inner.qubits, data[0], angles) @ start
        product = found @ expected.conj().T
        phases = np.diag(product)
        np.testing.assert_allclose(np.abs(phases), 1.0, atol=1e-10)
        if {"rz", "phase", "rot"} & set(device.native):
            np.testing.assert_allclose(phases / phases[0], 1.0, atol=1e-10)


@settings(max_examples=150)
@given(
    circuit=circuits(max_qubits=6, max_gates=16, amplitude=False),
    device=devices(),
    objective=st.sampled_from(OBJECTIVES),
    passes=st.sampled_from((PLAIN, None)),
    seed=seeds,
)
def test_routed_circuit_is_faithful(
    circuit: Circuit, device: Device, objective: Objective, passes: str | None, seed: int
) -> None:
    remarks: list[Message] = []
    if circuit.qubits > device.qubits:
        with pytest.raises(CompileError) as caught:
            route(circuit, device, objective, remark=silent)
        assert caught.value.diagnostics[0].code == "QA4205"
        return
    routed = route(circuit, device, objective, remark=remarks.append, passes=passes)
    assert routed is not None
    assert_faithful(circuit, routed, device, seed, as_unitary=passes == PLAIN)
    known = bool(device.gate_errors)
    expected = [] if known or objective != "fidelity" else ["QA4207"]
    assert [remark.code for remark in remarks] == expected
    assert route(circuit, device, objective, remark=ignore, passes=passes) == routed


def ignore(message: Message) -> None:
    pass


def line(qubits: int) -> Device:
    edges = tuple((q, q + 1) for q in range(qubits - 1))
    return Device(name="line", qubits=qubits, edges=edges, native=IDEAL)


def entangled(qubits: int, pairs: tuple[tuple[int, int], ...]) -> Circuit:
    return Circuit(
        qubits=qubits,
        data_width=0,
        angle_count=0,
        initial=ZeroState(),
        gates=tuple(Gate(name="cz", qubits=pair) for pair in pairs),
        readout=Expectations(paulis=(Pauli(letters=((0, "Z"),)),)),
    )


def test_chain_on_a_line_needs_no_swaps() -> None:
    circuit = entangled(5, ((3, 0), (0, 4), (4, 1), (1, 2)))
    routed = route(circuit, line(7), "gates", remark=silent, passes=PLAIN)
    assert routed is not None
    assert sum(len(gate.qubits) == 2 for gate in routed.circuit.gates) == 4


def test_one_qubit_goes_to_the_best_one() -> None:
    device = Device(
        name="three",
        qubits=3,
        edges=((0, 1), (1, 2)),
        native=IDEAL,
        gate_errors=(((0,), 0.02), ((0, 1), 0.01), ((1,), 0.01), ((1, 2), 0.01), ((2,), 1e-4)),
        readout_errors=((0.1, 0.1), (0.1, 0.1), (0.01, 0.01)),
    )
    circuit = Circuit(
        qubits=1,
        data_width=0,
        angle_count=0,
        initial=ZeroState(),
        gates=(Gate(name="h", qubits=(0,)),),
        readout=Expectations(paulis=(Pauli(letters=((0, "Z"),)),)),
    )
    routed = route(circuit, device, "fidelity", remark=silent)
    assert routed is not None and routed.physical == (2,)


def test_amplitude_encoding_is_refused_with_a_remark() -> None:
    remarks: list[Message] = []
    circuit = Circuit(
        qubits=2,
        data_width=3,
        angle_count=0,
        initial=AmplitudeState(offset=0, width=3),
        gates=(Gate(name="cz", qubits=(0, 1)),),
        readout=Expectations(paulis=(Pauli(letters=((0, "Z"),)),)),
    )
    assert route(circuit, line(2), "gates", remark=remarks.append) is None
    assert [remark.code for remark in remarks] == ["QA4206"]


def test_disconnected_device_uses_its_largest_part() -> None:
    device = Device(name="two parts", qubits=6, edges=((0, 1), (2, 3), (3, 4)), native=IDEAL)
    routed = route(entangled(3, ((0, 1), (0, 2))), device, "gates", remark=silent)
    assert routed is not None and routed.physical == (2, 3, 4)
    with pytest.raises(CompileError):
        route(entangled(4, ((0, 1),)), device, "gates", remark=silent)


def test_device_without_the_gates_is_refused() -> None:
    device = Device(name="ions", qubits=2, edges=((0, 1),), native=("rx", "ry", "rxx"))
    with pytest.raises(CompileError) as caught:
        route(entangled(2, ((0, 1),)), device, "gates", remark=silent)
    assert caught.value.diagnostics[0].code == "QA4203"
