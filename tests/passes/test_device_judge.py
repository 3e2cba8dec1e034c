"""The predicted error puts candidates in the order in which a simulation of the device does."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from qcompile.backends.devices import load_device
from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, ZeroState
from qcompile.ir.device import Device
from qcompile.ir.routing import Draft, start_routing
from qcompile.ir.target import NamedDevice, Target
from qcompile.passes.base import Context
from qcompile.passes.device.relocate import Relocate
from qcompile.passes.device.score import error_of, estimated_success
from qcompile.passes.pipeline import device_passes, preset
from qcompile.testing.dense_oracle import angle, dense_outputs
from qcompile.testing.noisy_device import NoisyDevice, NoisyGate, NoisyProgram, noisy_values

PLAIN = Target(name="t", optimise="fidelity")
MITIGATED = Target(name="t", optimise="fidelity", mitigate="readout")

ENTANGLERS = {
    "ring": ("cx", tuple((q, (q + 1) % 4) for q in range(4))),
    "all pairs": ("cx", tuple((a, b) for a in range(4) for b in range(a + 1, 4))),
    "controlled": ("crz", tuple((q, (q + 1) % 4) for q in range(4))),
}


def layers(name: str, pairs: tuple[tuple[int, int], ...]) -> Circuit:
    gates: list[Gate] = []
    count = 0

    def trained(kind: str, *qubits: int) -> None:
        nonlocal count
        gates.append(Gate(name=kind, qubits=qubits, angles=(Affine(angles=((count, 1.0),)),)))
        count += 1

    for _ in range(2):
        for qubit in range(4):
            trained("ry", qubit)
            trained("rz", qubit)
        for pair in pairs:
            if name == "crz":
                trained(name, *pair)
            else:
                gates.append(Gate(name=name, qubits=pair))
    for qubit in range(4):
        trained("ry", qubit)
    return Circuit(
        qubits=4,
        data_width=0,
        angle_count=count,
        initial=ZeroState(),
        gates=tuple(gates),
        readout=Expectations(paulis=tuple(Pauli(letters=((q, "Z"),)) for q in range(4))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlations:
    """Spearman's, over the candidates of one circuit."""

    raw: float
    mitigated: float
    success: float
    """Of the probability of success with the error that is left when reading is undone."""


@pytest.fixture(scope="module")
def torino() -> tuple[Device, NoisyDevice]:
    return load_device(NamedDevice(name="fake_torino")), NoisyDevice("FakeTorino")


def correlations(circuit: Circuit, device: Device, noisy: NoisyDevice) -> Correlations:
    context = Context(device=device, target=PLAIN)
    routing = start_routing(circuit, device)
    for step in device_passes(preset(2), context):
        # One place of each shape: several are as good as equal, by prediction and in truth.
        step = replace(step, keep=1) if isinstance(step, Relocate) else step
        routing = step.run(routing, context)
    drafts = tuple({(draft.gates, draft.readout): draft for draft in routing.drafts}.values())
    angles = np.random.default_rng(7).uniform(-0.4, 0.4, circuit.angle_count)
    angles[:4] += 0.8
    expected = dense_outputs(circuit, np.zeros((1, 0)), angles)[0]
    found = np.array([errors(draft, noisy, angles, expected) for draft in drafts])
    success = [-estimated_success(d.gates or (), d.readout, device) for d in drafts]
    return Correlations(
        raw=spearmanr([error_of(d, device, PLAIN) for d in drafts], found[:, 0])[0],
        mitigated=spearmanr([error_of(d, device, MITIGATED) for d in drafts], found[:, 1])[0],
        success=spearmanr(success, found[:, 1])[0],
    )


def errors(
    draft: Draft, noisy: NoisyDevice, angles: np.ndarray, expected: np.ndarray
) -> tuple[float, float]:
    """Mean over the outputs, as read and with the errors of reading undone."""
    assert isinstance(draft.readout, Expectations)
    program = NoisyProgram(
        tuple(
            NoisyGate(
                gate.name, gate.qubits, tuple(angle(a, np.zeros(0), angles) for a in gate.angles)
            )
            for gate in draft.gates or ()
        ),
        tuple((p.sign, tuple(q for q, _ in p.letters)) for p in draft.readout.paulis),
    )
    read, undone = noisy_values(program, noisy)
    return float(np.abs(read - expected).mean()), float(np.abs(undone - expected).mean())


def test_predictions_rank_as_simulations_do(torino: tuple[Device, NoisyDevice]) -> None:
    found = [correlations(layers(*entangler), *torino) for entangler in ENTANGLERS.values()]
    assert np.mean([one.raw for one in found]) > 0.85
    assert np.mean([one.mitigated for one in found]) > 0.9
    assert np.mean([one.success for one in found]) < np.mean([one.mitigated for one in found])
