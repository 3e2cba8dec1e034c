"""Devices with qubits to spare: files that were routed over them give the module's values.

pytket brings spare qubits in as a register of its own, whose indices are no places of the device.
"""

from __future__ import annotations

import random
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, qasm3
from qiskit.quantum_info import SparsePauliOp, Statevector

from qcompile.backends.devices import load_device
from qcompile.backends.export import read_tket_json, write_qasm3, write_tket_json
from qcompile.backends.simulator.module import build_module
from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, Probabilities, ZeroState
from qcompile.ir.device import Device, RoutedCircuit
from qcompile.ir.initialisation import ZERO
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.plan import EvaluationNode
from qcompile.ir.program import CircuitNode, Program
from qcompile.ir.target import NamedDevice, Objective, Target
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context
from qcompile.passes.device.verify import verify_routed_values
from qcompile.passes.pipeline import preset, run_pipeline
from qcompile.testing.circuit_strategies import circuits, sample_inputs, seeds
from qcompile.testing.qiskit_oracle import pauli_label, qiskit_outputs


def ideal(graph: nx.Graph) -> Device:
    numbered = nx.convert_node_labels_to_integers(graph)
    return Device(
        name="ideal",
        qubits=numbered.number_of_nodes(),
        edges=tuple(sorted((min(edge), max(edge)) for edge in numbered.edges)),
        native=("rz", "sx", "x", "cz"),
    )


SHAPES = {
    "ring": lambda qubits: nx.cycle_graph(qubits),
    "line": lambda qubits: nx.path_graph(qubits),
    "grid": lambda qubits: nx.grid_2d_graph(2, (qubits + 1) // 2),
    "star": lambda qubits: nx.star_graph(qubits - 1),
}

REAL = ("fake_melbourne", "fake_guadalupe", "fake_washington")


def everywhere(qubits: int, seed: int = 0) -> Circuit:
    """RY of data, CX on every pair in some order, trained RY, and ⟨Z⟩ of each qubit."""
    pairs = [(a, b) for a in range(qubits) for b in range(a + 1, qubits)]
    if seed:
        random.Random(seed).shuffle(pairs)
    gates = [
        Gate(name="ry", qubits=(q,), angles=(Affine(data=((q, 1.0),)),)) for q in range(qubits)
    ]
    gates += [Gate(name="cx", qubits=pair) for pair in pairs]
    gates += [
        Gate(name="ry", qubits=(q,), angles=(Affine(angles=((q, 1.0),)),)) for q in range(qubits)
    ]
    return Circuit(
        qubits=qubits,
        data_width=qubits,
        angle_count=qubits,
        initial=ZeroState(),
        gates=tuple(gates),
        readout=Expectations(paulis=tuple(Pauli(letters=((q, "Z"),)) for q in range(qubits))),
    )


def program(circuit: Circuit) -> Program:
    width = max(1, circuit.data_width)
    operands = (0,) if circuit.data_width else ()
    tensors = (TensorSpec(name="q.angles", shape=(circuit.angle_count,), init=ZERO),)
    angles = 0 if circuit.angle_count else None
    return Program(
        adapter="alone",
        in_features=width,
        out_features=circuit.outputs,
        mode="replace",
        nodes=(
            InputNode(width=width),
            CircuitNode(operands=operands, circuit=circuit, angles=angles, width=circuit.outputs),
        ),
        result=1,
        tensors=tensors if circuit.angle_count else (),
        parameters=(),
    )


def module_and_file(
    circuit: Circuit, device: Device, objective: Objective, data: np.ndarray, angles: np.ndarray
) -> tuple[np.ndarray, RoutedCircuit]:
    """What the compiled module computes in float64, and the circuit that is exported with it."""
    target = Target(
        name="lab", device=NamedDevice(name=device.name), dtype="float64", optimise=objective
    )
    context = Context(target=target, device=device)
    plan = run_pipeline(program(circuit), preset(2), context, verify=True)
    (node,) = (node for node in plan.nodes if isinstance(node, EvaluationNode))
    assert node.routed is not None
    module = build_module(plan, seed=0, site="m")
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.from_numpy(angles))
        inputs = data if circuit.data_width else np.zeros((len(data), 1))
        return module(torch.from_numpy(inputs)).numpy(), node.routed


def file_values(routed: RoutedCircuit, data: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """What Qiskit reads in the file, under the read-out that is exported with it."""
    found = qasm3.loads(write_qasm3(routed))
    inner = routed.circuit
    rows = []
    for row in data:
        values = {f"x{i}": v for i, v in enumerate(row)}
        values |= {f"t{j}": v for j, v in enumerate(angles)}
        bound = found.assign_parameters({p.name: values[p.name] for p in found.parameters})
        # The file's qubits are the device's: far more than can be simulated.
        small = QuantumCircuit(inner.qubits)
        for step in bound.data:
            places = [routed.physical.index(bound.find_bit(bit).index) for bit in step.qubits]
            small.append(step.operation, places)
        state = Statevector(small)
        match inner.readout:
            case Expectations(paulis=paulis):
                operators = [SparsePauliOp(pauli_label(p, inner.qubits)) for p in paulis]
                rows.append([state.expectation_value(o).real for o in operators])
            case Probabilities(qubits=kept):
                rows.append(list(state.probabilities(list(reversed(kept)))))
    return np.asarray(rows).reshape(len(data), inner.outputs)


def check(circuit: Circuit, device: Device, objective: Objective, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed, batch=2)
    module, routed = module_and_file(circuit, device, objective, data, angles)
    expected = qiskit_outputs(circuit, data, angles)
    np.testing.assert_allclose(module, expected, atol=1e-9)
    np.testing.assert_allclose(file_values(routed, data, angles), expected, atol=1e-9)
    back = read_tket_json(write_tket_json(routed))
    assert isinstance(back, RoutedCircuit) and back.final == routed.final


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("spare", [1, 2, 3])
@pytest.mark.parametrize("qubits", [3, 4, 5])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_pair_on_a_device_with_spare_qubits(
    shape: str, qubits: int, spare: int, order: int
) -> None:
    # Four orders in all.
    drawn = order * spare
    check(everywhere(qubits, drawn), ideal(SHAPES[shape](qubits + spare)), "gates", seed=1)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("qubits", [4, 6])
def test_every_pair_on_a_real_coupling_map(name: str, qubits: int, order: int) -> None:
    device = load_device(NamedDevice(name=name))
    check(everywhere(qubits, order), device, "gates", seed=2)


def crowded(qubits: int, seed: int) -> Circuit:
    """RY of data, then CX on many pairs."""
    drawn = random.Random(seed)
    pairs = [(a, b) for a in range(qubits) for b in range(a + 1, qubits)] * 2
    drawn.shuffle(pairs)
    gates = [g for g in everywhere(qubits).gates if g.name == "ry" and g.angles[0].data]
    gates += [Gate(name="cx", qubits=pair) for pair in pairs[: 3 * qubits]]
    return replace(everywhere(qubits), gates=tuple(gates), angle_count=0)


@pytest.mark.parametrize(("qubits", "seed"), [(7, 1), (8, 0), (8, 6)])
def test_circuits_that_melbourne_routes_over_spare_qubits(qubits: int, seed: int) -> None:
    device = load_device(NamedDevice(name="fake_melbourne"))
    check(crowded(qubits, seed), device, "gates", seed=3)


@settings(max_examples=50)
@given(
    circuit=circuits(max_qubits=5, max_gates=14, amplitude=False),
    shape=st.sampled_from(sorted(SHAPES)),
    spare=st.integers(1, 4),
    objective=st.sampled_from(("gates", "depth")),
    seed=seeds,
)
def test_files_of_routed_circuits_give_the_values_of_the_module(
    circuit: Circuit, shape: str, spare: int, objective: Objective, seed: int
) -> None:
    check(circuit, ideal(SHAPES[shape](circuit.qubits + spare)), objective, seed)


def routed(circuit: Circuit) -> RoutedCircuit:
    data, angles = sample_inputs(circuit, 0, batch=1)
    return module_and_file(circuit, ideal(nx.cycle_graph(5)), "gates", data, angles)[1]


@pytest.mark.parametrize("readout", ["values", "probabilities"])
def test_verification_finds_a_wrong_map(readout: str) -> None:
    circuit = everywhere(3)
    if readout == "probabilities":
        circuit = replace(circuit, readout=Probabilities(qubits=(2, 0)))
    good = routed(circuit)
    verify_routed_values(good, circuit)
    turn = (*range(1, good.circuit.qubits), 0)
    inner = good.circuit
    if isinstance(inner.readout, Probabilities):
        wrong = replace(inner, readout=Probabilities(qubits=inner.readout.qubits[::-1]))
    else:
        assert isinstance(inner.readout, Expectations)
        moved = tuple(
            Pauli(letters=tuple(sorted((turn[q], letter) for q, letter in p.letters)), sign=p.sign)
            for p in inner.readout.paulis
        )
        wrong = replace(inner, readout=Expectations(paulis=moved))
    with pytest.raises(VerificationError, match="routed for ideal, output"):
        verify_routed_values(replace(good, circuit=wrong), circuit)


def test_verification_finds_a_lost_gate() -> None:
    circuit = everywhere(3)
    good = routed(circuit)
    for index, gate in enumerate(good.circuit.gates):
        if len(gate.qubits) == 2:
            gates = (*good.circuit.gates[:index], *good.circuit.gates[index + 1 :])
            with pytest.raises(VerificationError, match="output"):
                verify_routed_values(
                    replace(good, circuit=replace(good.circuit, gates=gates)), circuit
                )
            return
    raise AssertionError("no entangler")


def test_wide_outputs_with_small_light_cones_are_compared() -> None:
    qubits = 40
    gates = tuple(
        Gate(name="ry", qubits=(q,), angles=(Affine(data=((q, 1.0),)),)) for q in range(qubits)
    )
    circuit = Circuit(
        qubits=qubits,
        data_width=qubits,
        angle_count=0,
        initial=ZeroState(),
        gates=gates,
        readout=Expectations(paulis=tuple(Pauli(letters=((q, "Z"),)) for q in range(qubits))),
    )
    line = ideal(nx.path_graph(qubits))
    data = np.zeros((1, qubits))
    good = module_and_file(circuit, line, "gates", data, np.zeros(0))[1]
    assert isinstance(good.circuit.readout, Expectations)
    paulis = good.circuit.readout.paulis
    wrong = Expectations(paulis=(paulis[1], paulis[0], *paulis[2:]))
    with pytest.raises(VerificationError, match="output 0"):
        verify_routed_values(replace(good, circuit=replace(good.circuit, readout=wrong)), circuit)


def test_verification_finds_a_wrong_start() -> None:
    circuit = everywhere(3)
    good = routed(circuit)
    turned = (*good.initial[1:], good.initial[0])
    with pytest.raises(VerificationError, match="output"):
        verify_routed_values(replace(good, initial=turned), circuit)


@pytest.mark.parametrize("qubits", [11, 12, 14])
def test_wide_states_are_compared(qubits: int) -> None:
    turns = [
        Gate(name="ry", qubits=(q,), angles=(Affine(data=((q, 1.0),)),)) for q in range(qubits)
    ]
    chain = [Gate(name="cx", qubits=(q, q + 1)) for q in range(qubits - 1)]
    circuit = replace(everywhere(qubits), gates=(*turns, *chain), angle_count=0)
    data = np.zeros((1, qubits))
    line = ideal(nx.path_graph(qubits))
    good = module_and_file(circuit, line, "gates", data, np.zeros(0))[1]
    verify_routed_values(good, circuit)
    assert isinstance(good.circuit.readout, Expectations)
    first, second, *rest = good.circuit.readout.paulis
    wrong = Expectations(paulis=(second, first, *rest))
    with pytest.raises(VerificationError, match="output"):
        verify_routed_values(replace(good, circuit=replace(good.circuit, readout=wrong)), circuit)
