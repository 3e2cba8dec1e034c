"""Circuit passes preserve the outputs, keep their contracts and do their work."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import ModuleType
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings

from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.planning import (
    AnglesActOnZeroState,
    AnglesCommuteIntoMeasurement,
    AnglesOutsideLightCone,
)
from qcompile.ir.circuit import (
    Affine,
    AmplitudeState,
    Circuit,
    Expectations,
    Gate,
    InitialState,
    Pauli,
    Probabilities,
    Readout,
    ZeroState,
)
from qcompile.ir.circuit_analysis import data_layers, gate_counts, used_angles
from qcompile.ir.gate_algebra import commute
from qcompile.ir.gates import GateName
from qcompile.ir.matrices import PauliLetter
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import CircuitPass, Context
from qcompile.passes.circuit import gate_list, separate_data
from qcompile.passes.circuit.absorb_cliffords import AbsorbCliffords
from qcompile.passes.circuit.cancel import Cancel
from qcompile.passes.circuit.commute_measurement import CommuteMeasurement
from qcompile.passes.circuit.compose_rot import ComposeRot
from qcompile.passes.circuit.decompose_rot import DecomposeRot
from qcompile.passes.circuit.fuse_rotations import FuseRotations
from qcompile.passes.circuit.light_cone import LightCone
from qcompile.passes.circuit.separate_data import SeparateData
from qcompile.passes.circuit.zero_state import TrimZeroState
from qcompile.passes.pipeline import preset
from qcompile.passes.registry import PASSES as REGISTRY
from qcompile.testing.circuit_strategies import circuits, sample_inputs, seeds
from qcompile.testing.dense_oracle import dense_outputs
from qcompile.testing.qiskit_oracle import qiskit_outputs

PASSES: tuple[CircuitPass, ...] = (
    LightCone(),
    Cancel(),
    FuseRotations(),
    CommuteMeasurement(),
    AbsorbCliffords(),
    AbsorbCliffords(keep_diagonal=False),
    SeparateData(),
    DecomposeRot(),
    ComposeRot(),
    TrimZeroState(),
)
FEW: tuple[GateName, ...] = (
    "x", "z", "h", "s", "sdg", "rx", "rz", "phase", "rot", "cx", "cz", "swap", "cphase", "rzz",
)  # fmt: skip
"""Few gates, so that neighbours often have something to do with each other."""


def test_every_circuit_pass_of_the_registry_is_tested() -> None:
    registered = {REGISTRY[name] for name in REGISTRY}
    assert {type(step) for step in PASSES} == {
        step for step in registered if issubclass(step, CircuitPass)
    }


@dataclass
class Remarks:
    """Collects what the passes say."""

    messages: list[Message] = field(default_factory=list)

    def context(self) -> Context:
        return Context(remark=self.messages.append)


def run(chosen: CircuitPass, circuit: Circuit) -> tuple[Circuit, list[Message]]:
    remarks = Remarks()
    after = chosen.run(circuit, remarks.context())
    chosen.ensures(circuit, after, Context())
    return after, remarks.messages


def same_outputs(before: Circuit, after: Circuit, seed: int) -> None:
    data, angles = sample_inputs(before, seed)
    np.testing.assert_allclose(
        dense_outputs(after, data, angles), dense_outputs(before, data, angles), rtol=0, atol=1e-10
    )


def angle(index: int) -> Affine:
    return Affine(angles=((index, 1.0),))


def datum(index: int) -> Affine:
    return Affine(data=((index, 1.0),))


def z_on(*qubits: int, letter: PauliLetter = "Z") -> Expectations:
    return Expectations(paulis=tuple(Pauli(letters=((q, letter),)) for q in qubits))


def build(
    qubits: int, *gates: Gate, readout: Readout, initial: InitialState | None = None
) -> Circuit:
    return Circuit(
        qubits=qubits,
        data_width=8,
        angle_count=16,
        initial=initial if initial is not None else ZeroState(),
        gates=gates,
        readout=readout,
    )


def g(name: GateName, *qubits: int, angles: tuple[Affine, ...] = ()) -> Gate:
    return Gate(name=name, qubits=qubits, angles=angles)


def r(name: GateName, *qubits: int, k: int) -> Gate:
    """A rotation by trainable angle k."""
    return g(name, *qubits, angles=(angle(k),))


def d(name: GateName, *qubits: int, k: int) -> Gate:
    """A rotation by datum k."""
    return g(name, *qubits, angles=(datum(k),))


def ring(name: GateName, qubits: int) -> tuple[Gate, ...]:
    return tuple(g(name, k, (k + 1) % qubits) for k in range(qubits))


@pytest.mark.parametrize("chosen", PASSES, ids=repr)
@given(circuit=circuits(max_gates=10), seed=seeds)
@settings(max_examples=50)
def test_a_pass_preserves_outputs(chosen: CircuitPass, circuit: Circuit, seed: int) -> None:
    after, _ = run(chosen, circuit)
    same_outputs(circuit, after, seed)


@pytest.mark.parametrize("chosen", PASSES, ids=repr)
@given(circuit=circuits(max_gates=16, max_qubits=3, names=FEW, max_data=2), seed=seeds)
@settings(max_examples=60)
def test_a_pass_preserves_outputs_of_dense_circuits(
    chosen: CircuitPass, circuit: Circuit, seed: int
) -> None:
    after, _ = run(chosen, circuit)
    same_outputs(circuit, after, seed)


@pytest.mark.parametrize("level", [1, 2, 3])
@given(circuit=circuits(max_qubits=5, max_gates=16), seed=seeds)
@settings(max_examples=100)
def test_the_whole_sequence_preserves_outputs(level: int, circuit: Circuit, seed: int) -> None:
    after = circuit
    for chosen in preset(level).passes:
        if isinstance(chosen, CircuitPass):
            after, _ = run(chosen, after)
    same_outputs(circuit, after, seed)
    data, angles = sample_inputs(circuit, seed)
    np.testing.assert_allclose(
        qiskit_outputs(after, data, angles), dense_outputs(circuit, data, angles), atol=1e-10
    )


ONE_SWEEP = (Cancel(), FuseRotations(), ComposeRot())
"""What these remove may let others meet."""


@pytest.mark.parametrize("chosen", [p for p in PASSES if p not in ONE_SWEEP], ids=repr)
@given(circuit=circuits(max_gates=16, max_qubits=3, names=FEW))
@settings(max_examples=40)
def test_a_pass_has_nothing_left_to_do(chosen: CircuitPass, circuit: Circuit) -> None:
    once, _ = run(chosen, circuit)
    assert run(chosen, once)[0] == once


@given(circuit=circuits(max_gates=16, max_qubits=3, names=FEW), seed=seeds)
@settings(max_examples=100)
def test_angles_reported_dead_have_no_influence(circuit: Circuit, seed: int) -> None:
    data, angles = sample_inputs(circuit, seed)
    for chosen in (LightCone(), CommuteMeasurement(), AbsorbCliffords(), TrimZeroState()):
        after, messages = run(chosen, circuit)
        dead = used_angles(circuit.gates) - used_angles(after.gates)
        counts = [getattr(message, "count", None) for message in messages]
        assert counts == ([len(dead)] if dead else [])
        moved = angles.copy()
        moved[list(dead)] += 1.0
        np.testing.assert_allclose(
            dense_outputs(circuit, data, moved), dense_outputs(circuit, data, angles), atol=1e-10
        )


@pytest.mark.parametrize("reach", [1, 2, 3])
@given(circuit=circuits(max_gates=16, max_qubits=3, names=FEW, max_data=2), seed=seeds)
@settings(max_examples=60)
def test_a_short_reach_is_sound(reach: int, circuit: Circuit, seed: int) -> None:
    with patch.object(separate_data, "REACH", reach), patch.object(gate_list, "REACH", reach):
        for chosen in (SeparateData(), Cancel(), FuseRotations()):
            after, _ = run(chosen, circuit)
            same_outputs(circuit, after, seed)


@pytest.mark.parametrize(
    ("chosen", "module"), [(SeparateData(), separate_data), (Cancel(), gate_list)], ids=repr
)
def test_long_runs_of_commuting_gates_take_linear_time(
    chosen: CircuitPass, module: ModuleType
) -> None:
    def work(length: int) -> int:
        gates = tuple(r("rz", 0, k=k % 16) for k in range(length))
        with patch.object(module, "commute", side_effect=commute) as counted:
            run(chosen, build(1, *gates, readout=z_on(0)))
        return counted.call_count

    assert work(800) >= 800 and work(1600) <= 2.5 * work(800)


def test_light_cone_prunes_what_is_not_connected() -> None:
    gates = (r("ry", 0, k=0), r("ry", 1, k=1), r("ry", 2, k=2), g("cx", 1, 0), g("cx", 2, 1))
    circuit = build(3, *gates, readout=z_on(0))
    after, messages = run(LightCone(), circuit)
    assert after.gates == (gates[0], gates[1], gates[3])
    assert messages == [AnglesOutsideLightCone(adapter="", count=1, total=16)]
    after, _ = run(LightCone(), replace(circuit, readout=Probabilities(qubits=(2,))))
    assert after.gates == gates


def test_inverse_gates_meet_through_commuting_ones() -> None:
    circuit = build(
        3,
        g("h", 0), g("cx", 0, 1), r("rz", 0, k=0), g("x", 1), g("cx", 0, 1), g("s", 2),
        g("swap", 1, 2), g("swap", 2, 1), g("sdg", 2), g("rx", 2, angles=(Affine(),)),
        g("t", 2), g("h", 2), g("tdg", 2),
        readout=z_on(0, 1, 2),
    )  # fmt: skip
    after, _ = run(Cancel(), circuit)
    assert after.gates == (
        g("h", 0), r("rz", 0, k=0), g("x", 1), g("t", 2), g("h", 2), g("tdg", 2),
    )  # fmt: skip


def test_opposite_rotations_cancel() -> None:
    turn = Affine(data=((0, 2.0),), angles=((1, 0.5),))
    gates = (
        g("cry", 0, 1, angles=(turn,)), g("cry", 0, 1, angles=(turn.times(-1.0),)),
        g("rot", 1, angles=(angle(0), angle(1), angle(2))),
        g("rot", 1, angles=(angle(2).times(-1.0), angle(1).times(-1.0), angle(0).times(-1.0))),
        g("crx", 0, 1, angles=(turn,)), g("crx", 1, 0, angles=(turn.times(-1.0),)),
    )  # fmt: skip
    after, _ = run(Cancel(), build(2, *gates, readout=z_on(0)))
    assert after.gates == gates[-2:]


def test_rotations_fuse_through_controls_and_add_their_angles() -> None:
    circuit = build(
        2,
        d("rz", 0, k=0), g("cx", 0, 1), r("rz", 0, k=1), g("t", 0), d("rx", 1, k=1),
        r("rx", 1, k=2),
        r("rzz", 0, 1, k=3), r("rzz", 1, 0, k=4), g("cz", 1, 0), r("cphase", 0, 1, k=5),
        readout=z_on(0, 1, letter="X"),
    )  # fmt: skip
    after, _ = run(FuseRotations(), circuit)
    same_outputs(circuit, after, 5)
    assert gate_counts(after.gates) == (("cphase", 1), ("cx", 1), ("rx", 1), ("rz", 1), ("rzz", 1))
    first = after.gates[0].angles[0]
    assert (first.data, first.angles) == (((0, 1.0),), ((1, 1.0),))
    assert first.constant == pytest.approx(np.pi / 4)


def test_fused_rotations_that_sum_to_nothing_vanish() -> None:
    half = Affine(constant=np.pi / 2)
    circuit = build(1, g("s", 0), g("rz", 0, angles=(half.times(-1.0),)), readout=z_on(0))
    assert run(FuseRotations(), circuit)[0].gates == ()


def test_a_last_layer_of_rz_goes_with_a_remark() -> None:
    layer = tuple(r("ry", q, k=q) for q in range(3))
    last = tuple(r("rz", q, k=3 + q) for q in range(3))
    circuit = build(3, *layer, *last, readout=z_on(0, 1, 2))
    after, messages = run(CommuteMeasurement(), circuit)
    assert after.gates == layer
    assert messages == [AnglesCommuteIntoMeasurement(adapter="", count=3, total=16)]
    assert messages[0].diagnostic().severity == "warning"
    other = replace(circuit, readout=Probabilities(qubits=(2, 0, 1)))
    assert run(CommuteMeasurement(), other)[0].gates == layer
    other = replace(circuit, readout=z_on(0, 1, 2, letter="X"))
    assert run(CommuteMeasurement(), other) == (other, [])


def test_a_ring_of_cz_before_z_goes() -> None:
    layer = tuple(r("ry", q, k=q) for q in range(4))
    circuit = build(4, *layer, *ring("cz", 4), readout=z_on(0, 1, 2, 3))
    assert run(CommuteMeasurement(), circuit)[0].gates == layer


def test_gates_about_other_axes_commute_into_other_letters() -> None:
    gates = (r("ry", 0, k=0), r("rx", 0, k=1), r("rxx", 0, 1, k=2), g("sx", 1))
    circuit = build(2, *gates, readout=z_on(0, 1, letter="X"))
    assert run(CommuteMeasurement(), circuit)[0].gates == gates[:1]
    pair = Expectations(paulis=(Pauli(letters=((0, "Z"), (1, "Z"))),))
    gates = (r("ry", 0, k=0), g("swap", 0, 1), r("rxx", 0, 1, k=2), r("ryy", 0, 1, k=3))
    assert run(CommuteMeasurement(), build(2, *gates, readout=pair))[0].gates == gates[:1]


@pytest.mark.parametrize("qubits", [2, 3, 5])
def test_a_ring_of_cx_before_z_becomes_parities(qubits: int) -> None:
    layer = tuple(r("ry", q, k=q) for q in range(qubits))
    circuit = build(qubits, *layer, *ring("cx", qubits), readout=z_on(*range(qubits)))
    after, _ = run(AbsorbCliffords(), circuit)
    assert after.gates == layer
    assert isinstance(after.readout, Expectations)
    assert all(letter == "Z" for p in after.readout.paulis for _, letter in p.letters)
    assert after.readout != circuit.readout
    same_outputs(circuit, after, 3)


def test_absorption_uncovers_what_commutes() -> None:
    layer = tuple(g("rot", q, angles=tuple(angle(3 * q + k) for k in range(3))) for q in range(3))
    circuit = build(3, *layer, *ring("cx", 3), readout=z_on(0, 1, 2))
    after, _ = run(DecomposeRot(), circuit)
    after, messages = run(AbsorbCliffords(), after)
    assert gate_counts(after.gates) == (("ry", 3), ("rz", 3))
    assert messages == [AnglesCommuteIntoMeasurement(adapter="", count=3, total=16)]
    after, messages = run(TrimZeroState(), after)
    assert gate_counts(after.gates) == (("ry", 3),)
    assert messages == [AnglesActOnZeroState(adapter="", count=3, total=16)]
    same_outputs(circuit, after, 2)


def test_signs_and_letters_move_into_the_observables() -> None:
    circuit = build(2, r("ry", 0, k=0), g("h", 0), g("x", 1), readout=z_on(0, 1))
    kept, _ = run(AbsorbCliffords(), circuit)
    assert kept.gates == circuit.gates[:2]
    assert kept.readout == Expectations(
        paulis=(Pauli(letters=((0, "Z"),)), Pauli(letters=((1, "Z"),), sign=-1))
    )
    moved, _ = run(AbsorbCliffords(keep_diagonal=False), circuit)
    assert moved.gates == circuit.gates[:1]
    assert moved.readout == Expectations(
        paulis=(Pauli(letters=((0, "X"),)), Pauli(letters=((1, "Z"),), sign=-1))
    )


def test_probabilities_absorb_exchanges_only() -> None:
    gates = (r("ry", 0, k=0), r("ry", 1, k=1), g("cx", 0, 1), g("swap", 1, 2), g("iswap", 0, 2))
    circuit = build(3, *gates, readout=Probabilities(qubits=(0, 1)))
    after, _ = run(AbsorbCliffords(), circuit)
    assert after.gates == gates[:3]
    assert after.readout == Probabilities(qubits=(1, 2))
    same_outputs(circuit, after, 4)


def test_data_is_gathered_in_one_layer() -> None:
    circuit = build(
        2,
        d("ry", 0, k=0), r("rx", 0, k=0), r("ry", 1, k=1), d("rz", 1, k=1), g("cx", 1, 0),
        d("rx", 0, k=2), r("rz", 1, k=2), d("rz", 1, k=3),
        readout=z_on(0, 1),
    )  # fmt: skip
    after, _ = run(SeparateData(), circuit)
    assert (data_layers(circuit.gates), data_layers(after.gates)) == (4, 1)
    same_outputs(circuit, after, 8)
    again = tuple(
        gate for k in range(3) for gate in (d("ry", 0, k=k), r("rx", 0, k=k), d("ry", 1, k=k))
    )
    after, _ = run(SeparateData(), build(2, *again, readout=z_on(0, 1)))
    assert (data_layers(again), data_layers(after.gates)) == (4, 3)


def test_a_gate_waits_for_all_that_it_does_not_commute_with() -> None:
    gates = (d("rz", 0, k=0), g("z", 0), g("h", 0), d("ry", 0, k=1))
    circuit = build(1, r("rx", 0, k=0), *gates, readout=z_on(0))
    after, _ = run(SeparateData(), circuit)
    same_outputs(circuit, after, 6)
    assert data_layers(after.gates) == 2


def test_rot_is_taken_apart_and_put_together() -> None:
    rot = g("rot", 0, angles=(angle(0), angle(1), angle(2)))
    circuit = build(2, rot, g("cx", 0, 1), readout=z_on(1))
    apart, _ = run(DecomposeRot(), circuit)
    assert [gate.name for gate in apart.gates] == ["rz", "ry", "rz", "cx"]
    assert run(ComposeRot(), apart)[0] == circuit
    mixed = build(1, r("rz", 0, k=0), d("ry", 0, k=0), r("rz", 0, k=1), readout=z_on(0))
    assert run(ComposeRot(), mixed)[0] == mixed


def test_gates_on_zero_do_nothing() -> None:
    gates = (
        r("rz", 0, k=0), g("cx", 0, 1), r("rzz", 0, 1, k=1), r("ry", 1, k=2),
        r("cphase", 1, 0, k=3), r("crx", 0, 1, k=4), r("cry", 1, 0, k=5), g("swap", 0, 1),
    )  # fmt: skip
    circuit = build(2, *gates, readout=z_on(0, 1, letter="Y"))
    after, messages = run(TrimZeroState(), circuit)
    assert after.gates == (gates[3], gates[6], gates[7])
    assert messages == [AnglesActOnZeroState(adapter="", count=4, total=16)]
    encoded = replace(circuit, initial=AmplitudeState(offset=0, width=4))
    assert run(TrimZeroState(), encoded) == (encoded, [])


def test_contracts_notice_what_is_broken() -> None:
    circuit = build(2, r("ry", 0, k=0), g("cx", 0, 1), readout=z_on(0))
    more = replace(circuit, gates=(*circuit.gates, g("x", 0)))
    other = replace(circuit, gates=(r("ry", 0, k=7),))
    fewer = replace(circuit, readout=z_on(0, 1))
    swapped = replace(circuit, readout=z_on(1))
    for chosen in (LightCone(), Cancel(), FuseRotations(), CommuteMeasurement(), SeparateData()):
        for after in (more, other, fewer, swapped):
            with pytest.raises(VerificationError):
                chosen.ensures(circuit, after, Context())
    with pytest.raises(VerificationError):
        SeparateData().ensures(circuit, replace(circuit, gates=circuit.gates[:1]), Context())
    with pytest.raises(VerificationError):
        DecomposeRot().ensures(
            circuit, replace(circuit, gates=(g("rot", 0, angles=(angle(0),) * 3),)), Context()
        )
