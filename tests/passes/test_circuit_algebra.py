"""The tables about gates that the circuit passes rely on, against dense matrices."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, ZeroState
from qcompile.ir.circuit_analysis import (
    data_layers,
    depth,
    gate_counts,
    is_real,
    two_qubit_gates,
    used_angles,
    used_data,
)
from qcompile.ir.circuit_network import GateOperand, LetterOperand, ZeroOperand, observable_operands
from qcompile.ir.gate_algebra import (
    are_inverse,
    commute,
    commutes_with_pauli,
)
from qcompile.ir.gates import GATE_NAMES, GATES, GateName
from qcompile.ir.heisenberg import conjugate_pauli
from qcompile.ir.light_cone import influence, light_cone, observables
from qcompile.ir.network import BATCH
from qcompile.ir.verification import VerificationError
from qcompile.ir.verify_circuit import verify_circuit
from qcompile.testing.circuit_strategies import circuits, gates, pauli_strings, sample_inputs, seeds
from qcompile.testing.dense_oracle import (
    PAULIS,
    angle,
    dense_outputs,
    dense_unitary,
    gate_matrix,
    observable_matrix,
)

NONE = np.zeros(0)


def fixed(name: GateName, *qubits: int, values: tuple[float, ...] = (0.7, -1.1, 2.3)) -> Gate:
    angles = tuple(Affine(constant=v) for v in values[: GATES[name].angles])
    return Gate(name=name, qubits=qubits, angles=angles)


def unitary(gate: Gate, qubits: int = 4) -> np.ndarray[tuple[int, ...], np.dtype[np.complex128]]:
    return dense_unitary([gate], qubits, NONE, NONE)


def all_pairs() -> list[tuple[Gate, Gate]]:
    places: dict[int, list[tuple[int, ...]]] = {1: [(0,)], 2: [(0, 1)]}
    others: dict[int, list[tuple[int, ...]]] = {
        1: [(0,), (1,)],
        2: [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)],
    }
    return [
        (fixed(a, *p), fixed(b, *q, values=(1.3, 0.4, -0.9)))
        for a, b in product(GATE_NAMES, GATE_NAMES)
        for p in places[GATES[a].qubits]
        for q in others[GATES[b].qubits]
    ]


def test_gates_said_to_commute_do_and_few_others_do() -> None:
    missed = []
    for left, right in all_pairs():
        a, b = unitary(left, 3), unitary(right, 3)
        truth = np.allclose(a @ b, b @ a)
        assert truth or not commute(left, right), (left, right)
        assert commute(left, right) == commute(right, left)
        if truth and not commute(left, right):
            missed.append((left, right))
    # A gate with itself (h, swap, iswap, ch, ecr) or with a gate of the same symmetry: rows of such
    # gates may raise this bound, and lose no more than an optimisation.
    assert len(missed) < 0.01 * len(all_pairs()), missed


def test_the_generators_span_each_gate() -> None:
    for name in GATE_NAMES:
        for string in product("IXYZ", repeat=GATES[name].qubits):
            letters = tuple((k, p) for k, p in enumerate(string) if p != "I")
            pauli = Pauli(letters=letters)  # type: ignore[arg-type]
            gate = fixed(name, *range(GATES[name].qubits))
            a, p = gate_matrix(name, (0.7, -1.1, 2.3)), observable_matrix(pauli, GATES[name].qubits)
            assert commutes_with_pauli(gate, pauli) == np.allclose(a @ p, p @ a), (name, string)


def test_a_gate_and_its_inverse_cancel() -> None:
    for a, b in product(GATE_NAMES, GATE_NAMES):
        if GATES[a].qubits == GATES[b].qubits and not (GATES[a].angles or GATES[b].angles):
            truth = np.allclose(gate_matrix(b) @ gate_matrix(a), np.eye(2 ** GATES[a].qubits))
            assert are_inverse(fixed(a, 0, 1), fixed(b, 0, 1)) == truth
    first = fixed("rot", 0, values=(0.1, 0.2, 0.3))
    second = fixed("rot", 0, values=(-0.3, -0.2, -0.1))
    assert are_inverse(first, second) and not are_inverse(first, first)
    np.testing.assert_allclose(unitary(second) @ unitary(first), np.eye(16), atol=1e-14)


def test_what_turns_about_an_axis_fuses() -> None:
    turns = [name for name, kind in GATES.built_in.items() if kind.turn and not kind.angles]
    assert turns == ["x", "y", "z", "s", "sdg", "t", "tdg", "sx", "sxdg", "cz"]
    assert GATES["phase"].turn == ("rz", 0.0) and GATES["rot"].turn is None


@pytest.mark.parametrize("name", [n for n in GATE_NAMES if GATES[n].turn])
def test_a_turn_is_a_rotation_up_to_a_phase(name: GateName) -> None:
    turn = GATES[name].turn
    assert turn is not None
    rotation, value = turn
    own = (0.4,)[: GATES[name].angles]
    ratio = gate_matrix(name, own) @ gate_matrix(rotation, own or (value,)).conj().T
    np.testing.assert_allclose(ratio, ratio[0, 0] * np.eye(len(ratio)), atol=1e-14)


def test_clifford_images_of_all_strings() -> None:
    cliffords = [name for name in GATE_NAMES if GATES[name].clifford]
    assert cliffords[:9] == ["x", "y", "z", "h", "s", "sdg", "sx", "sxdg", "cx"]
    for name in cliffords:
        gate = fixed(name, *((2, 0)[: GATES[name].qubits]))
        matrix = unitary(gate, 3)
        for string in product("IXYZ", repeat=3):
            letters = tuple((k, p) for k, p in enumerate(string) if p != "I")
            pauli = Pauli(letters=letters, sign=-1)  # type: ignore[arg-type]
            expected = matrix.conj().T @ observable_matrix(pauli, 3) @ matrix
            found = observable_matrix(conjugate_pauli(pauli, gate), 3)
            np.testing.assert_allclose(found, expected, atol=1e-14, err_msg=f"{name} {string}")
    with pytest.raises(ValueError):
        conjugate_pauli(Pauli(letters=()), fixed("t", 0))


@given(gate=gates(3, 0, 0), pauli=pauli_strings(3))
@settings(max_examples=300)
def test_gates_said_to_commute_with_a_string_do(gate: Gate, pauli: Pauli) -> None:
    if commutes_with_pauli(gate, pauli):
        a, p = unitary(gate, 3), observable_matrix(pauli, 3)
        np.testing.assert_allclose(a @ p, p @ a, atol=1e-12)


@given(circuit=circuits(probabilities=True), seed=seeds)
@settings(max_examples=200)
def test_gates_outside_the_cone_do_not_matter(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed)
    strings = observables(circuit.readout)
    expected = dense_outputs(circuit, data, angles)
    wide, narrow = light_cone(circuit.gates, strings), influence(circuit.gates, strings)
    assert set(narrow) <= set(wide)
    for kept in (wide, narrow):
        gates_kept = tuple(circuit.gates[k] for k in kept)
        pruned = Circuit(
            qubits=circuit.qubits,
            data_width=circuit.data_width,
            angle_count=circuit.angle_count,
            initial=circuit.initial,
            gates=gates_kept,
            readout=circuit.readout,
        )
        np.testing.assert_allclose(dense_outputs(pruned, data, angles), expected, atol=1e-11)


@given(circuit=circuits(max_gates=7, amplitude=False, probabilities=False), seed=seeds)
@settings(max_examples=200)
def test_the_network_of_an_observable_is_its_expectation(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed)
    expected = dense_outputs(circuit, data, angles)
    for output in range(circuit.outputs):
        network = observable_operands(circuit, output)
        arguments: list[object] = []
        for operand, labels in zip(network.operands, network.labels, strict=True):
            match operand:
                case GateOperand(gate=k, conjugate=conjugated):
                    gate = circuit.gates[k]
                    rows = data if BATCH in labels else data[:1]
                    tensors = [
                        gate_matrix(gate.name, [angle(a, row, angles) for a in gate.angles])
                        for row in rows
                    ]
                    shape = (len(rows),) * (BATCH in labels) + (2,) * (2 * len(gate.qubits))
                    tensor = np.stack(tensors).reshape(shape)
                    arguments += [tensor.conj() if conjugated else tensor, list(labels)]
                case LetterOperand(letter=letter):
                    arguments += [PAULIS[letter], list(labels)]
                case ZeroOperand():
                    arguments += [np.array([1.0, 0.0]), list(labels)]
        found = np.einsum(*arguments, list(network.result), optimize="greedy") if arguments else 1.0  # type: ignore[call-overload]
        np.testing.assert_allclose(np.imag(found), 0.0, atol=1e-11)
        np.testing.assert_allclose(
            network.sign * np.broadcast_to(np.real(found), (len(data),)),
            expected[:, output],
            atol=1e-11,
        )
        flat = [label for labels in network.labels for label in labels if label != BATCH]
        assert all(flat.count(label) == 2 for label in flat)


def test_facts_about_a_small_circuit() -> None:
    circuit = Circuit(
        qubits=3,
        data_width=2,
        angle_count=3,
        initial=ZeroState(),
        gates=(
            Gate(name="ry", qubits=(0,), angles=(Affine(data=((0, 1.0),)),)),
            Gate(name="ry", qubits=(1,), angles=(Affine(angles=((2, 1.0),)),)),
            Gate(name="cx", qubits=(0, 1)),
            Gate(name="ry", qubits=(2,), angles=(Affine(data=((1, 1.0),), angles=((0, 2.0),)),)),
        ),
        readout=Expectations(paulis=(Pauli(letters=((1, "Z"),)),)),
    )
    assert depth(circuit.gates) == 2
    assert gate_counts(circuit.gates) == (("cx", 1), ("ry", 3))
    assert two_qubit_gates(circuit.gates) == 1
    assert used_angles(circuit.gates) == {0, 2} and used_data(circuit.gates) == {0, 1}
    assert data_layers(circuit.gates) == 2
    assert is_real(circuit)
    assert light_cone(circuit.gates, observables(circuit.readout)) == (0, 1, 2)
    verify_circuit(circuit)


Z0 = Expectations(paulis=(Pauli(letters=((0, "Z"),)),))


@pytest.mark.parametrize(
    ("gates", "readout"),
    [
        ((Gate(name="x", qubits=(2,)),), Z0),
        ((Gate(name="cx", qubits=(1, 1)),), Z0),
        ((Gate(name="cx", qubits=(1,)),), Z0),
        ((Gate(name="rx", qubits=(1,)),), Z0),
        ((Gate(name="rx", qubits=(0,), angles=(Affine(constant=math.nan),)),), Z0),
        ((Gate(name="rx", qubits=(0,), angles=(Affine(data=((1, 1.0),)),)),), Z0),
        ((Gate(name="rx", qubits=(0,), angles=(Affine(angles=((0, 0.0),)),)),), Z0),
        ((Gate(name="rx", qubits=(0,), angles=(Affine(angles=((1, 1.0), (0, 1.0))),)),), Z0),
        ((), Expectations(paulis=())),
        ((), Expectations(paulis=(Pauli(letters=((1, "Z"), (0, "Z"))),))),
        ((), Expectations(paulis=(Pauli(letters=((2, "Z"),)),))),
    ],
)
def test_broken_circuits_are_refused(gates: tuple[Gate, ...], readout: Expectations) -> None:
    circuit = Circuit(
        qubits=2, data_width=1, angle_count=2, initial=ZeroState(), gates=gates, readout=readout
    )
    with pytest.raises(VerificationError):
        verify_circuit(circuit)


@given(circuit=circuits(max_qubits=8), data=st.data())
@settings(max_examples=50)
def test_generated_circuits_are_well_formed(circuit: Circuit, data: st.DataObject) -> None:
    verify_circuit(circuit)
