"""The simulation that judges candidates, against the oracle made of qiskit-aer's noise model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qcompile.backends.devices import load_device
from qcompile.executors.transfer.channels import transfer
from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, ZeroState
from qcompile.ir.device import Device, gates_of
from qcompile.ir.native_sets import ENTANGLING
from qcompile.ir.routing import Draft, Routing, start_routing
from qcompile.ir.target import NamedDevice, Target
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.judge import Judge
from qcompile.passes.device.noise_maps import noise_maps
from qcompile.passes.device.score import best_drafts, error_of
from qcompile.passes.device.simulate import (
    drawn_points,
    output_values,
    peak_qubits,
    simulated_errors,
)
from qcompile.passes.device.trajectories import sampled_error
from qcompile.passes.device.validate import Validate
from qcompile.passes.pipeline import device_passes, preset
from qcompile.testing.dense_oracle import angle
from qcompile.testing.noisy_device import NoisyDevice, NoisyGate, NoisyProgram, noisy_values

SHERBROOKE = "fake_sherbrooke"


def brick(depth: int) -> Circuit:
    gates: list[Gate] = []
    for qubit in range(4):
        gates.append(Gate(name="ry", qubits=(qubit,), angles=(Affine(data=((qubit, 1.0),)),)))
    for layer in range(depth):
        for qubit in range(4):
            turn = Affine(angles=((4 * layer + qubit, 1.0),))
            gates.append(Gate(name="ry", qubits=(qubit,), angles=(turn,)))
        gates += [Gate(name="cz", qubits=pair) for pair in ((0, 1), (2, 3), (1, 2))]
    return Circuit(
        qubits=4,
        data_width=4,
        angle_count=4 * depth,
        initial=ZeroState(),
        gates=tuple(gates),
        readout=Expectations(paulis=tuple(Pauli(letters=((q, "Z"),)) for q in range(4))),
    )


def target(mitigate: str) -> Target:
    return Target(
        name="t", optimise="fidelity", mitigate="readout" if mitigate == "readout" else "none"
    )


def routed(circuit: Circuit, device: Device, mitigate: str) -> Routing:
    """By -O2, without the judge."""
    context = Context(device=device, target=target(mitigate))
    routing = start_routing(circuit, device)
    for step in device_passes(preset(2), context):
        if not isinstance(step, Judge):
            routing = step.run(routing, context)
    return routing


@pytest.fixture(scope="module")
def device() -> Device:
    return load_device(NamedDevice(name=SHERBROOKE))


@pytest.fixture(scope="module")
def noisy() -> NoisyDevice:
    return NoisyDevice("FakeSherbrooke")


@pytest.fixture(scope="module")
def routing(device: Device) -> Routing:
    return routed(brick(3), device, "readout")


def oracle(draft: Draft, noisy: NoisyDevice, data: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Values with the errors of reading undone."""
    assert isinstance(draft.readout, Expectations)
    operations = tuple(
        NoisyGate(gate.name, gate.qubits, tuple(angle(a, data, angles) for a in gate.angles))
        for gate in draft.gates or ()
    )
    outputs = tuple((p.sign, tuple(q for q, _ in p.letters)) for p in draft.readout.paulis)
    return noisy_values(NoisyProgram(operations, outputs), noisy)[1]


def test_noise_of_gates_is_that_of_aer(device: Device, noisy: NoisyDevice) -> None:
    maps = noise_maps(device)
    for name in ("sx", "x", "ecr"):
        places = [qubits for kind, qubits in gates_of(device) if kind == name][::20]
        for qubits in places:
            after = maps.after(Gate(name=name, qubits=qubits))
            assert after is not None
            expected = noisy.transfer(NoisyGate(name, qubits))
            np.testing.assert_allclose(after @ transfer(name, ()), expected, atol=1e-9)
    np.testing.assert_allclose(maps.waiting(3, 1e-6), noisy.relaxation(3, 1e-6), atol=1e-12)


def test_values_are_those_of_aers_noise_model(
    device: Device, noisy: NoisyDevice, routing: Routing
) -> None:
    points = drawn_points(4, 12, 3)
    for draft in routing.drafts[::4]:
        circuit = (draft.gates or (), draft.readout)
        found = output_values([circuit], device, points, noisy=True, share=0.0)[0]
        expected = [
            oracle(draft, noisy, *point) for point in zip(points.data, points.angles, strict=True)
        ]
        np.testing.assert_allclose(found, expected, atol=2e-6)


def test_circuits_simulated_together_are_as_if_alone(device: Device, routing: Routing) -> None:
    points = drawn_points(4, 12, 2)
    circuits = [(draft.gates or (), draft.readout) for draft in routing.drafts]
    together = simulated_errors(circuits, device, points, mitigated=False)
    alone = [simulated_errors([c], device, points, mitigated=False)[0] for c in circuits]
    np.testing.assert_allclose(together, alone, atol=1e-6)
    undone = simulated_errors(circuits, device, points, mitigated=True)
    assert np.mean(undone) < np.mean(together)


def test_parities_and_signs_are_read(device: Device) -> None:
    flipped = Gate(name="x", qubits=(0,))
    readout = Expectations(
        paulis=(
            Pauli(letters=((0, "Z"),)),
            Pauli(letters=((0, "Z"), (14, "Z")), sign=-1),
            Pauli(letters=((14, "Z"),)),
        )
    )
    points = drawn_points(0, 0, 1)
    ideal = output_values([((flipped,), readout)], device, points, noisy=False)
    assert ideal.tolist() == [[[-1.0, 1.0, 1.0]]]
    read = output_values([((flipped,), readout)], device, points, noisy=True)[0, 0]
    first, second = (1 - sum(device.readout_errors[q]) for q in (0, 14))
    assert read[2] == pytest.approx(second)
    assert read[1] == pytest.approx(-read[0] * second)
    assert 0.99 < -read[0] / first < 1.0


def test_the_judge_chooses_what_loses_least(noisy: NoisyDevice, device: Device) -> None:
    """At points that it has not seen, on the average over circuits."""
    gains = []
    for mitigate in ("none", "readout"):
        before = routed(brick(4), device, mitigate)
        context = Context(device=device, target=target(mitigate))
        after = Judge().run(before, context)
        Judge().ensures(before, after, context)
        (guessed,), (judged,) = (
            best_drafts(r.drafts, 1, device, context.target) for r in (before, after)
        )
        least = min(d.simulated for d in after.drafts if d.simulated is not None)
        assert judged.simulated == pytest.approx(least, abs=1e-6)
        points = drawn_points(4, 16, 100, seed=9)
        guess, judgement = simulated_errors(
            [(d.gates or (), d.readout) for d in (guessed, judged)],
            device,
            points,
            mitigated=mitigate == "readout",
        )
        gains.append(judgement / guess)
    assert np.mean(gains) < 0.97


def test_the_judge_leaves_what_is_too_wide_to_the_prediction(
    device: Device, routing: Routing
) -> None:
    context = Context(device=device, target=target("readout"))
    assert Judge(qubits=2).run(routing, context) == routing
    by_gates = replace(context, target=Target(name="t", optimise="gates"))
    assert Judge().run(routing, by_gates) == routing
    after = Judge(best=3).run(routing, context)
    settled = [draft for draft in after.drafts if draft.settled]
    assert len({(draft.gates, draft.readout) for draft in settled}) <= 3
    (best,) = best_drafts(after.drafts, 1, device, context.target)
    assert best.settled
    assert error_of(best, device, context.target) < 1.0


def test_a_judge_that_changes_a_candidate_is_found(device: Device, routing: Routing) -> None:
    context = Context(device=device, target=target("none"))
    with pytest.raises(VerificationError):
        Judge().ensures(routing, replace(routing, drafts=routing.drafts[1:]), context)


def test_qubits_take_part_from_their_first_pair_to_their_last() -> None:
    chain = tuple(Gate(name="cx", qubits=(q, q + 1)) for q in range(5))
    each = tuple(Pauli(letters=((q, "Z"),)) for q in range(6))
    assert peak_qubits(chain, each) == 2
    assert peak_qubits(chain, (Pauli(letters=tuple((q, "Z") for q in range(6))),)) == 6
    assert peak_qubits((), each) == 0


def test_an_ecr_for_a_cz_leaves_ground_states_alone() -> None:
    """A flip stands before the gate, so that it relaxes in |0⟩ what was |0⟩."""
    state = np.array([1, 0, 0, 0], dtype=complex)
    for gate in ENTANGLING["ecr"].cz_steps:
        matrix = np.eye(1)
        for place in (0, 1) if len(gate.qubits) == 1 else (0,):
            acts = place == gate.qubits[0] or len(gate.qubits) == 2
            size = 2 ** len(gate.qubits)
            one = _unitary(gate).reshape(size, size) if acts else np.eye(2)
            matrix = np.kron(matrix, one)
        state = matrix @ state
        if gate.name == "ecr":
            assert np.abs(state[2:]).max() < 1e-12


def _unitary(gate: Gate) -> np.ndarray:
    from qcompile.ir.gates import GATES

    return np.array(GATES[gate.name].at(), dtype=complex)


def test_sampled_values_are_those_that_are_computed(device: Device, routing: Routing) -> None:
    points = drawn_points(4, 12, 1)
    draft = routing.drafts[0]
    circuit = (draft.gates or (), draft.readout)
    for mitigated in (False, True):
        (exact,) = simulated_errors([circuit], device, points, mitigated=mitigated)
        sampled = sampled_error(*circuit, device, points, mitigated=mitigated)
        assert sampled == pytest.approx(exact, abs=0.01)
    undone = sampled_error(*circuit, replace(device, relaxation=()), points, mitigated=True)
    assert undone < exact


@pytest.mark.parametrize("choose", [False, True])
def test_validation_adds_figures_and_chooses_if_asked(
    device: Device, routing: Routing, choose: bool
) -> None:
    by_gates = Context(device=device, target=Target(name="t", optimise="gates"))
    step = Validate(best=4, choose=choose)
    after = step.run(routing, by_gates)
    step.ensures(routing, after, by_gates)
    found = [draft.simulated for draft in after.drafts if draft.simulated is not None]
    assert found
    (before,) = best_drafts(routing.drafts, 1, device, by_gates.target)
    (best,) = best_drafts(after.drafts, 1, device, by_gates.target)
    assert best.simulated is not None
    if choose:
        assert best.simulated == pytest.approx(min(found), abs=1e-6)
    else:
        assert replace(best, simulated=None) == before


def test_wide_circuits_are_sampled(device: Device) -> None:
    start = start_routing(brick(1), device)
    chain = tuple(range(10))
    gates = tuple(Gate(name="sx", qubits=(qubit,)) for qubit in chain)
    whole = Expectations(paulis=(Pauli(letters=tuple((qubit, "Z") for qubit in chain)),))
    places = chain[:4]
    draft = Draft(
        variant=start.variants[0],
        placement="by hand",
        field=tuple(sorted(chain)),
        initial=places,
        final=places,
        gates=gates,
        restored=whole,
    )
    context = Context(device=device, target=target("readout"))
    after = Validate().run(replace(start, drafts=(draft,)), context)
    (found,) = after.drafts
    assert found.simulated is not None
    assert not found.settled
    (wide,) = Validate(choose=True).run(replace(start, drafts=(draft,)), context).drafts
    assert wide.settled


@pytest.mark.parametrize("step", [Judge(best=2, qubits=4), Validate(best=2, choose=True)])
def test_narrow_candidates_do_not_win_over_a_better_one_that_is_too_wide(
    device: Device, step: DevicePass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A candidate that was not simulated is not worse for that."""
    monkeypatch.setattr("qcompile.passes.device.validate.is_installed", lambda: False)
    start = start_routing(brick(1), device)
    wide, narrow = tuple(range(10)), tuple(range(4))

    def reading(qubits: tuple[int, ...], turns: int) -> Draft:
        return Draft(
            variant=start.variants[0],
            placement=f"on {len(qubits)} qubits",
            field=wide,
            initial=narrow,
            final=narrow,
            gates=tuple(Gate(name="ecr", qubits=(1, 0)) for _ in range(turns)),
            restored=Expectations(paulis=(Pauli(letters=tuple((q, "Z") for q in qubits)),)),
        )

    drafts = (reading(wide, 0), reading(narrow, 60))
    context = Context(device=device, target=target("readout"))
    before = replace(start, drafts=drafts)
    assert best_drafts(drafts, 1, device, context.target) == (drafts[0],)
    after = step.run(before, context)
    (best,) = best_drafts(after.drafts, 1, device, context.target)
    assert best.placement == "on 10 qubits"
