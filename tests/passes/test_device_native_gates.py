"""Native gates mean what the circuit meant, and neighbours vanish."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcompile.ir.circuit import Affine, Circuit, Gate
from qcompile.ir.decompose import Entangler
from qcompile.passes.device.native_gates import to_native
from qcompile.passes.device.swaps import absorb_swaps, expand_swaps
from qcompile.testing.circuit_strategies import circuits, sample_inputs, seeds
from qcompile.testing.dense_oracle import dense_unitary

NOTHING = np.zeros(0)
entanglers: st.SearchStrategy[Entangler] = st.sampled_from(("cx", "cz"))


def same(left: np.ndarray, right: np.ndarray) -> bool:
    """Equal up to a global phase."""
    return bool(abs(abs(np.trace(left.conj().T @ right)) / len(left) - 1.0) < 1e-11)


@given(circuit=circuits(max_gates=20), seed=seeds, entangler=entanglers)
def test_unitary_is_kept(circuit: Circuit, seed: int, entangler: Entangler) -> None:
    data, angles = sample_inputs(circuit, seed)
    native = to_native(circuit.gates, circuit.qubits, entangler)
    assert {gate.name for gate in native} <= {"rz", "sx", "x", entangler}
    for row in data:
        expected = dense_unitary(circuit.gates, circuit.qubits, row, angles)
        assert same(expected, dense_unitary(native, circuit.qubits, row, angles))


@given(
    circuit=circuits(max_gates=16, max_qubits=3, names=("swap", "cx", "cz", "ry", "h", "rzz")),
    seed=seeds,
)
def test_swaps_are_expanded_and_absorbed(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed, batch=1)
    expected = dense_unitary(circuit.gates, circuit.qubits, data[0], angles)
    expanded = expand_swaps(circuit.gates)
    assert all(gate.name != "swap" for gate in expanded)
    assert same(expected, dense_unitary(expanded, circuit.qubits, data[0], angles))
    kept, wires = absorb_swaps(circuit.gates, circuit.qubits)
    back = np.eye(2**circuit.qubits).reshape((2,) * circuit.qubits + (-1,))
    back = back.transpose(*wires, circuit.qubits).reshape(2**circuit.qubits, -1)
    assert same(expected, back @ dense_unitary(kept, circuit.qubits, data[0], angles))


@given(circuit=circuits(max_gates=10, amplitude=False), entangler=entanglers)
def test_rewriting_again_adds_no_entangler(circuit: Circuit, entangler: Entangler) -> None:
    native = to_native(circuit.gates, circuit.qubits, entangler)
    again = to_native(native, circuit.qubits, entangler)
    count = sum(len(gate.qubits) == 2 for gate in native)
    assert sum(len(gate.qubits) == 2 for gate in again) <= count


@pytest.mark.parametrize(("entangler", "neighbour"), [("cx", "cx"), ("cz", "cx"), ("cz", "cz")])
@pytest.mark.parametrize("swap_first", [True, False])
def test_swap_beside_an_entangler_costs_one_more(
    entangler: Entangler, neighbour: Entangler, swap_first: bool
) -> None:
    gates = [
        Gate(name=neighbour, qubits=(1, 0)),
        Gate(name="ry", qubits=(0,), angles=(Affine(angles=((0, 1.0),)),)),
        Gate(name="swap", qubits=(0, 1)),
    ]
    if swap_first:
        gates.reverse()
    native = to_native(gates, 2, entangler)
    assert sum(len(gate.qubits) == 2 for gate in native) == 2


def test_entanglers_cancel_through_rotations_about_z() -> None:
    turn = Gate(name="rz", qubits=(0,), angles=(Affine(data=((0, 1.0),)),))
    for entangler in ("cx", "cz"):
        pair = Gate(name=entangler, qubits=(0, 1))
        assert to_native((pair, turn, pair), 2, entangler) == (turn,)


def test_rotations_merge_and_symbolic_ones_need_two_pulses() -> None:
    up = Gate(name="ry", qubits=(0,), angles=(Affine(angles=((0, 1.0),)),))
    down = Gate(name="ry", qubits=(0,), angles=(Affine(angles=((0, -1.0),)),))
    assert to_native((up, down), 1, "cz") == ()
    twice = to_native((up, up), 1, "cz")
    assert [gate.name for gate in twice] == ["sx", "rz", "sx", "rz"]
    assert twice[1].angles[0].angles == ((0, 2.0),)
    flipped = Gate(name="x", qubits=(0,))
    turn = Gate(name="rz", qubits=(0,), angles=(Affine(data=((0, 1.0),)),))
    assert to_native((turn, flipped, turn), 1, "cz") == (flipped,)


def test_known_gates_become_the_fewest_pulses() -> None:
    pulses = {"h": 1, "x": 1, "y": 1, "z": 0, "s": 0, "sx": 1, "sxdg": 1}
    for name, count in pulses.items():
        native = to_native((Gate(name=name, qubits=(0,)),), 1, "cz")
        assert sum(gate.name != "rz" for gate in native) == count, name
        expected = dense_unitary((Gate(name=name, qubits=(0,)),), 1, NOTHING, NOTHING)
        assert same(expected, dense_unitary(native, 1, NOTHING, NOTHING))
