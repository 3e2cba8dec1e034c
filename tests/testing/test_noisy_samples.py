"""Sampled values of devices' noise against the exact ones."""

from __future__ import annotations

import numpy as np
import pytest

from qcompile.testing.noisy_device import NoisyDevice, NoisyGate, NoisyProgram, noisy_values
from qcompile.testing.noisy_samples import Samples, sampled_values
from qcompile.testing.pauli_frames import Clifford, clifford_of, mixture_of

SAMPLES = 3000


@pytest.fixture(scope="module")
def device() -> NoisyDevice:
    return NoisyDevice("FakeManilaV2")


def turned(qubit: int, angle: float) -> tuple[NoisyGate, ...]:
    return (
        NoisyGate("sx", (qubit,)),
        NoisyGate("rz", (qubit,), (angle,)),
        NoisyGate("sx", (qubit,)),
    )


LAYER = (*turned(1, 2.1), *turned(2, 0.4), *turned(3, -0.7), NoisyGate("cx", (1, 2)))
WAITING = tuple(NoisyGate("x", (3,)) for _ in range(200))
"""So long that qubits relax to |0⟩ in many samples."""


def assert_close(found: Samples, exact: tuple[np.ndarray, np.ndarray]) -> None:
    left = exact[0] / exact[1]
    assert np.all(found.standard_errors < 0.02)
    assert np.all(np.abs(found.undone - exact[1]) < 4 * found.standard_errors + 1e-6)
    assert np.all(np.abs(found.read - exact[0]) < 4 * left * found.standard_errors + 1e-6)


def test_samples_have_the_exact_mean(device: NoisyDevice) -> None:
    gates = (*LAYER, NoisyGate("cx", (3, 2)), *WAITING, *turned(2, 1.1), *turned(1, 0.2))
    program = NoisyProgram(gates, ((1, (1,)), (-1, (2, 3)), (1, (1, 2, 3)), (1, (2,))))
    assert_close(sampled_values(program, device, SAMPLES), noisy_values(program, device))


def test_borrowed_qubits_relax_too(device: NoisyDevice) -> None:
    """Qubit 4 holds nothing but what qubit 3 lends it for a while."""
    swap = (NoisyGate("cx", (3, 4)), NoisyGate("cx", (4, 3)), NoisyGate("cx", (3, 4)))
    gates = (*LAYER, *swap, *WAITING, *swap, NoisyGate("cx", (3, 2)))
    program = NoisyProgram(gates, ((1, (2,)), (1, (3,)), (1, (4,))))
    assert_close(sampled_values(program, device, SAMPLES), noisy_values(program, device))


def test_a_qubit_measured_early(device: NoisyDevice) -> None:
    gates = (*LAYER, NoisyGate("measure", (2,)), NoisyGate("cx", (2, 3)), *turned(3, 0.9))
    program = NoisyProgram(gates, (len(LAYER), (1, (3,))))
    assert_close(sampled_values(program, device, SAMPLES), noisy_values(program, device))


def test_without_errors_nothing_is_sampled(
    device: NoisyDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = NoisyProgram(LAYER, ((1, (1,)), (1, (2,))))
    monkeypatch.setattr(device, "noise", lambda gate: None)
    monkeypatch.setattr(device, "relaxation", lambda qubit, seconds: np.eye(4))
    found = sampled_values(program, device, SAMPLES)
    assert not found.standard_errors.any()
    # Z of qubit 1, and the parity of qubits 1 and 2, after both are turned from |0⟩ by angle + π.
    np.testing.assert_allclose(found.undone, [-np.cos(2.1), np.cos(2.1) * np.cos(0.4)], atol=1e-6)


def test_relaxation_is_pauli_errors_and_resets(device: NoisyDevice) -> None:
    mixture = mixture_of(device.relaxation(1, 1e-5))
    assert mixture is not None
    assert mixture.weights.sum() == pytest.approx(1)
    assert mixture.weights[mixture.events.index((4,))] == pytest.approx(
        device.relaxation(1, 1e-5)[3, 0]
    )


def test_other_errors_are_refused(device: NoisyDevice) -> None:
    coherent = device.ideal_transfer(NoisyGate("rz", (0,), (0.1,)))
    with pytest.raises(ValueError, match="neither of Pauli strings nor relaxation"):
        mixture_of(coherent)
    assert clifford_of(coherent) is None
    assert isinstance(clifford_of(device.ideal_transfer(NoisyGate("ecr", (0, 1)))), Clifford)


def test_gates_that_are_not_clifford_are_refused(
    device: NoisyDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "duration", lambda gate: 0.0)
    program = NoisyProgram((NoisyGate("rzz", (0, 1), (0.3,)),), ((1, (0,)),))
    with pytest.raises(ValueError, match="neither a Clifford gate nor rz"):
        sampled_values(program, device, 10)
