"""Files for other tools, read back by those tools."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import qasm2, qasm3
from qiskit.quantum_info import Operator

from qcompile.backends.devices import load_device
from qcompile.backends.export import read_tket_json, write_qasm2, write_qasm3, write_tket_json
from qcompile.diagnostics import CompileError, Message
from qcompile.ir.circuit import (
    Affine,
    AmplitudeState,
    Circuit,
    Expectations,
    Gate,
    Pauli,
    ZeroState,
)
from qcompile.ir.device import RoutedCircuit
from qcompile.ir.target import CouplingDevice
from qcompile.testing.circuit_strategies import circuits, sample_inputs, seeds
from qcompile.testing.dense_oracle import dense_outputs, dense_unitary
from tests.passes.routed import route


def unitary(circuit: Circuit, data: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """With qiskit's bit order."""
    return np.asarray(
        Operator(
            dense_unitary(circuit.gates, circuit.qubits, data, angles),
            input_dims=(2,) * circuit.qubits,
            output_dims=(2,) * circuit.qubits,
        )
        .reverse_qargs()
        .data
    )


def same(left: np.ndarray, right: np.ndarray) -> bool:
    """Equal up to a global phase."""
    return bool(abs(abs(np.trace(left.conj().T @ right)) / len(left) - 1.0) < 1e-10)


@settings(max_examples=60)
@given(circuit=circuits(amplitude=False), seed=seeds)
def test_qasm2_is_read_by_a_strict_parser(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed, batch=1)
    text = write_qasm2(circuit, list(data[0]), list(angles))
    assert same(unitary(circuit, data[0], angles), Operator(qasm2.loads(text, strict=True)).data)


@settings(max_examples=60)
@given(circuit=circuits(amplitude=False), seed=seeds)
def test_qasm3_keeps_its_parameters(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed, batch=1)
    found = qasm3.loads(write_qasm3(circuit))
    values = {f"x{i}": v for i, v in enumerate(data[0])}
    values |= {f"t{j}": v for j, v in enumerate(angles)}
    used = {parameter.name: values[parameter.name] for parameter in found.parameters}
    bound = found.assign_parameters(used)
    assert same(unitary(circuit, data[0], angles), Operator(bound).data)


def small_angles() -> Circuit:
    angle = Affine(constant=1e-7, data=((0, -1e-9),), angles=((0, 2e16),))
    return Circuit(
        qubits=2,
        data_width=1,
        angle_count=1,
        initial=ZeroState(),
        gates=(Gate(name="rx", qubits=(1,), angles=(angle,)), Gate(name="cx", qubits=(1, 0))),
        readout=Expectations(paulis=(Pauli(letters=((0, "Z"),)), Pauli(letters=(), sign=-1))),
    )


def test_qasm2_literals_have_a_point() -> None:
    text = write_qasm2(small_angles(), [1.0], [0.0])
    assert "rx(9.9e-08)" in text and "// output 1: expectation of -1" in text
    assert "rx(1.0e-07)" in write_qasm2(small_angles(), [0.0], [0.0])
    qasm2.loads(write_qasm2(small_angles(), [0.0], [0.0]), strict=True)
    assert "1.0e-07" in write_qasm3(small_angles())


def test_qasm2_needs_finite_values_of_the_right_number() -> None:
    with pytest.raises(ValueError, match="1 data are needed, not 0"):
        write_qasm2(small_angles(), [], [0.0])
    with pytest.raises(ValueError, match="finite"):
        write_qasm2(small_angles(), [float("nan")], [0.0])


def test_amplitudes_are_no_gates() -> None:
    circuit = Circuit(
        qubits=1,
        data_width=2,
        angle_count=0,
        initial=AmplitudeState(offset=0, width=2),
        gates=(),
        readout=Expectations(paulis=(Pauli(letters=((0, "Z"),)),)),
    )
    with pytest.raises(CompileError, match="QA4208"):
        write_qasm2(circuit, [1.0, 2.0], [])
    with pytest.raises(CompileError, match="QA4208"):
        write_qasm3(circuit)
    assert read_tket_json(write_tket_json(circuit)) == circuit


@settings(max_examples=60)
@given(circuit=circuits(), seed=seeds)
def test_tket_json_out_and_back(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed)
    text = write_tket_json(circuit)
    assert text == write_tket_json(circuit)
    back = read_tket_json(text)
    assert isinstance(back, Circuit)
    assert back.readout == circuit.readout and back.initial == circuit.initial
    np.testing.assert_allclose(
        dense_outputs(back, data, angles), dense_outputs(circuit, data, angles), atol=1e-10
    )


def no_remark(message: Message) -> None:
    raise AssertionError(message.diagnostic().title)


def routed_ring() -> tuple[Circuit, RoutedCircuit]:
    turn = tuple(
        Gate(name="ry", qubits=(q,), angles=(Affine(data=((q, 0.37),), angles=((q, 1.0),)),))
        for q in range(4)
    )
    ring = tuple(Gate(name="cx", qubits=(q, (q + 1) % 4)) for q in range(4))
    circuit = Circuit(
        qubits=4,
        data_width=4,
        angle_count=4,
        initial=ZeroState(),
        gates=(*turn, *ring, *turn),
        readout=Expectations(paulis=tuple(Pauli(letters=((q, "Z"),)) for q in range(4))),
    )
    line = CouplingDevice(qubits=6, edges=tuple((q, q + 1) for q in range(5)), label="line(6)")
    routed = route(circuit, load_device(line), "gates", remark=no_remark)
    assert routed is not None
    return circuit, routed


def test_routed_circuit_keeps_its_maps() -> None:
    circuit, routed = routed_ring()
    back = read_tket_json(write_tket_json(routed))
    assert isinstance(back, RoutedCircuit)
    assert (back.device, back.physical) == ("line(6)", routed.physical)
    assert (back.initial, back.final) == (routed.initial, routed.final)
    data, angles = sample_inputs(circuit, 4)
    np.testing.assert_allclose(
        dense_outputs(back.circuit, data, angles), dense_outputs(circuit, data, angles), atol=1e-10
    )


def test_files_of_the_first_version_are_read() -> None:
    circuit, routed = routed_ring()
    for place in (circuit, routed):
        content = json.loads(write_tket_json(place))
        own = ("bits", "commands", "created_qubits", "discarded_qubits", "phase", "qubits")
        inner = {key: content.pop(key) for key in (*own, "implicit_permutation")}
        text = json.dumps(inner)
        for compact, physical in enumerate(routed.physical):
            text = text.replace(f'["node", [{physical}]]', f'["q", [{compact}]]')
        content |= {"version": 1, "circuit": json.loads(text)}
        back = read_tket_json(json.dumps(content))
        again = read_tket_json(write_tket_json(place))
        assert back == again and isinstance(back, type(place))


def test_routed_circuit_as_qasm3_uses_physical_qubits() -> None:
    _, routed = routed_ring()
    text = write_qasm3(routed)
    for physical in routed.physical:
        assert f"${physical}" in text
    assert "qubit[" not in text
    found = qasm3.loads(text)
    used = {found.find_bit(bit).index for item in found.data for bit in item.qubits}
    assert used == set(routed.physical)


changes: st.SearchStrategy[tuple[str, Any]] = st.sampled_from(
    [
        ("format", "other"),
        ("version", 3),
        ("data_width", -1),
        ("data_width", 0),
        ("angle_count", "4"),
        ("initial", None),
        ("initial", {"amplitudes": {"offset": 0, "width": 999}}),
        ("readout", {}),
        ("readout", {"probabilities": [0, 0]}),
        ("readout", {"expectations": [{"sign": 2, "letters": []}]}),
        ("readout", {"expectations": [{"sign": 1, "letters": [[0, "Q"]]}]}),
        ("commands", 3),
        ("qubits", []),
        ("device", {"name": "line", "physical": [0]}),
        ("device", {"name": "l", "physical": [0, 0, 1, 2], "initial_map": [], "final_map": []}),
    ]
)


@given(change=changes)
def test_damaged_tket_json_is_refused(change: tuple[str, Any]) -> None:
    content = json.loads(write_tket_json(routed_ring()[0]))
    key, value = change
    content[key] = value
    with pytest.raises(CompileError, match="QA4209"):
        read_tket_json(json.dumps(content))


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "[" * 100_000, "1e999", '"\\ud800"'])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(CompileError, match="QA4209"):
        read_tket_json(text)


@given(text=st.text())
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(CompileError, match="QA4209"):
        read_tket_json(text)
