"""pytket circuit out and back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from pytket.circuit import Circuit as TketCircuit
from pytket.circuit import OpType
from sympy import Symbol, sin  # type: ignore[import-untyped]

from qcompile.ir.bind import bind_circuit
from qcompile.ir.circuit import Affine, Circuit
from qcompile.ir.circuit_analysis import depth, gate_counts, two_qubit_gates
from qcompile.ir.device import RoutedCircuit
from qcompile.ir.gates import GATE_NAMES, GATES
from qcompile.testing.circuit_strategies import circuits, sample_inputs, seeds
from qcompile.testing.dense_oracle import dense_outputs, dense_unitary
from qcompile.tket.angles import from_half_turns, to_half_turns
from qcompile.tket.errors import AngleNotAffineError, UnsupportedOperationError
from qcompile.tket.from_pytket import COMPOUND, gates_from_pytket
from qcompile.tket.operators import pauli_operators
from qcompile.tket.to_pytket import to_pytket


def assert_same(left: np.ndarray, right: np.ndarray) -> None:
    """Equal up to a global phase."""
    overlap = abs(np.trace(left.conj().T @ right)) / len(left)
    assert overlap == pytest.approx(1.0, abs=1e-11)


@given(circuit=circuits(), seed=seeds)
def test_unitary_of_the_pytket_circuit(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed, batch=1)
    tket = to_pytket(circuit)
    tket.symbol_substitution(
        {Symbol(f"x{i}"): v for i, v in enumerate(data[0])}
        | {Symbol(f"t{j}"): v for j, v in enumerate(angles)}
    )
    expected = dense_unitary(circuit.gates, circuit.qubits, data[0], angles)
    assert_same(expected, tket.get_unitary())


@given(circuit=circuits(), seed=seeds)
def test_out_and_back(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed, batch=1)
    back = gates_from_pytket(to_pytket(circuit))
    expected = dense_unitary(circuit.gates, circuit.qubits, data[0], angles)
    assert_same(expected, dense_unitary(back, circuit.qubits, data[0], angles))
    assert all(len(gate.angles) == GATES[gate.name].angles for gate in back)


# What pytket lacks becomes several of its gates.
@given(circuit=circuits(max_gates=20, names=tuple(n for n in GATE_NAMES if GATES[n].tket)))
def test_counts_and_depth_are_those_of_pytket(circuit: Circuit) -> None:
    tket = to_pytket(circuit)
    assert depth(circuit.gates) == tket.depth()
    assert two_qubit_gates(circuit.gates) == tket.n_2qb_gates()
    assert sum(count for _, count in gate_counts(circuit.gates)) == tket.n_gates


@given(circuit=circuits(names=("h", "rx", "ry", "rz", "rot", "cx", "cry", "rzz")))
def test_gates_and_nice_angles_come_back_exactly(circuit: Circuit) -> None:
    back = gates_from_pytket(to_pytket(circuit))
    for wire in range(circuit.qubits):
        before = [gate for gate in circuit.gates if wire in gate.qubits]
        after = [gate for gate in back if wire in gate.qubits]
        assert [(g.name, g.qubits) for g in before] == [(g.name, g.qubits) for g in after]
        for old, new in zip(before, after, strict=True):
            for a, b in zip(old.angles, new.angles, strict=True):
                assert (a.data, a.angles) == (b.data, b.angles)
                turns = (a.constant - b.constant) / (2 * math.pi)
                assert turns == pytest.approx(round(turns), abs=1e-14)


def test_angles_are_half_turns_of_named_symbols() -> None:
    angle = Affine(constant=math.pi / 2, data=((3, 0.5),), angles=((11, math.pi),))
    expression = to_half_turns(angle)
    value = expression.subs({Symbol("x3"): 2.0, Symbol("t11"): 0.25})  # type: ignore[union-attr]
    assert float(value) == pytest.approx(0.5 + 1.0 / math.pi + 0.25, abs=1e-14)
    assert from_half_turns(expression) == angle


@pytest.mark.parametrize(
    "expression",
    [
        sin(Symbol("x0")),
        Symbol("x0") * Symbol("t0"),
        Symbol("x0") ** 2,
        Symbol("theta"),
        Symbol("x00"),
        1 / Symbol("t1"),
    ],
)
def test_other_angles_are_refused(expression: object) -> None:
    circuit = TketCircuit(1)
    circuit.add_gate(OpType.Rz, [expression], [0])
    with pytest.raises(AngleNotAffineError):
        gates_from_pytket(circuit)


def test_measurements_and_boxes_are_refused() -> None:
    measured = TketCircuit(1, 1).Measure(0, 0)
    with pytest.raises(UnsupportedOperationError, match="Measure"):
        gates_from_pytket(measured)
    conditional = TketCircuit(1, 1).X(0, condition_bits=[0], condition_value=1)
    with pytest.raises(UnsupportedOperationError):
        gates_from_pytket(conditional)
    with pytest.raises(UnsupportedOperationError, match="CCX"):
        gates_from_pytket(TketCircuit(3).CCX(0, 1, 2))


@pytest.mark.parametrize("operation", sorted(COMPOUND))
def test_compound_operations_keep_their_unitary(operation: str) -> None:
    kind = OpType.from_name(operation)
    parameters = {"TK1": 3, "TK2": 3, "U3": 3, "U2": 2, "PhasedX": 2, "ISWAP": 1}
    wires = {"BRIDGE": 3, "TK2": 2, "ZZMax": 2, "ISWAP": 2}.get(operation, 1)
    values = [0.37, -0.81, 1.23][: parameters.get(operation, 0)]
    circuit = TketCircuit(3)
    circuit.H(0).Ry(0.4, 1).CX(0, 1)
    circuit.add_gate(kind, values, list(range(wires)))
    gates = gates_from_pytket(circuit)
    assert_same(circuit.get_unitary(), dense_unitary(gates, 3, np.zeros(0), np.zeros(0)))


def test_implicit_exchange_of_wires_becomes_a_swap() -> None:
    circuit = TketCircuit(2).H(0).SWAP(0, 1).CX(0, 1)
    expected = circuit.get_unitary()
    circuit.replace_SWAPs()
    assert_same(expected, dense_unitary(gates_from_pytket(circuit), 2, np.zeros(0), np.zeros(0)))


@settings(max_examples=40)
@given(circuit=circuits(amplitude=False), seed=seeds)
def test_operators_have_the_oracle_s_outputs(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed, batch=1)
    bound = bind_circuit(circuit, data=data[0], angles=angles)
    physical = tuple(reversed(range(3, 3 + 2 * circuit.qubits, 2)))
    same = tuple(range(circuit.qubits))
    routed = RoutedCircuit(
        device="device", circuit=bound, physical=physical, initial=same, final=same
    )
    expected = dense_outputs(circuit, data, angles)[0]
    for place in (bound, routed):
        native = to_pytket(place)
        state = native.get_statevector()
        found = [o.state_expectation(state, native.qubits) for o in pauli_operators(place)]
        np.testing.assert_allclose(np.real(found), expected, atol=1e-11)
    assert {qubit.index[0] for qubit in to_pytket(routed).qubits} == set(physical)
