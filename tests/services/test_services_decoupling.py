"""Pulses where qubits wait, and waiting on devices whose durations are not all known."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

import qcompile
from qcompile.backends.devices import load_device
from qcompile.diagnostics import QCompileWarning
from qcompile.executors.measured.service import Placed
from qcompile.ir.circuit import Expectations, Gate, Pauli
from qcompile.ir.device import Device
from qcompile.ir.target import NamedDevice
from qcompile.services.aer import AerProvider
from qcompile.services.jobs import JobService
from qcompile.services.ledger import Ledger
from qcompile.services.native import placed_native
from qcompile.services.open import open_provider
from qcompile.services.schedule import scheduled
from qcompile.services.target import compact_target
from tests.services.test_services_aer import NATIVE, TURNS

DECOUPLED = ("decoupling",)


def manila() -> Device:
    return load_device(NamedDevice(name="fake_manila"))


def without_times(names: Sequence[str], **changes: Any) -> Device:
    gates = (replace(g, duration=None) if g.name in names else g for g in manila().gates)
    return replace(manila(), gates=tuple(gates), **changes)


def waiting() -> Placed:
    """⟨Z⟩ of a qubit that waits in |+⟩ while the other two are busy."""
    turn, pair = Gate(name="sx", qubits=(0,)), Gate(name="cx", qubits=(0, 1))
    gates = (turn, pair, *[Gate(name="cx", qubits=(1, 2))] * 4, pair, turn)
    string = Pauli(letters=((0, "Z"),))
    circuit = replace(NATIVE.circuit, gates=gates, readout=Expectations(paulis=(string,)))
    return replace(NATIVE, circuit=circuit)


def in_a_field(placed: Placed, rate: float, *, decoupled: bool) -> float:
    """⟨Z⟩ of qubit 0 where each delay is a turn about Z, at a rate that does not change."""
    target = compact_target(manila(), placed.physical or ())
    native = scheduled(placed_native(placed, None), target, decoupled=decoupled)
    turned = QuantumCircuit(native.num_qubits)
    for step in native.data:
        qubits = [native.find_bit(qubit).index for qubit in step.qubits]
        if step.operation.name == "delay":
            turned.rz(rate * step.operation.duration, qubits)
        else:
            turned.append(step.operation, qubits)
    observable = SparsePauliOp("I" * (native.num_qubits - 1) + "Z")
    return float(Statevector(turned).expectation_value(observable).real)


def test_pulses_take_away_what_a_slow_field_adds() -> None:
    placed = waiting()
    ideal = in_a_field(placed, 0.0, decoupled=False)
    rate = 0.5 / 6000
    assert abs(in_a_field(placed, rate, decoupled=False) - ideal) > 0.05
    assert in_a_field(placed, 0.0, decoupled=True) == pytest.approx(ideal, abs=1e-12)
    assert in_a_field(placed, rate, decoupled=True) == pytest.approx(ideal, abs=1e-3)


def test_relaxation_alone_is_not_lessened_by_pulses() -> None:
    """The noise of a calibration has no memory: pulses lose their own errors on top."""
    device = replace(manila(), readout_errors=((0.0, 0.0),) * 5)
    exact = JobService(provider=AerProvider("aer")).expectations([(waiting(), TURNS)])[0]
    errors = [
        abs(found - exact).max()
        for found in (
            JobService(
                provider=AerProvider("fake_manila", device), device=device, mitigation=mitigation
            ).expectations([(waiting(), TURNS)])[0]
            for mitigation in ((), DECOUPLED)
        )
    ]
    assert errors[0] < errors[1] < errors[0] + 0.01


def test_results_with_pulses_are_results_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "jobs.jsonl"
    found = []
    for mitigation, jobs in (((), 1), (DECOUPLED, 1), ((), 0), (DECOUPLED, 0)):
        provider = AerProvider("fake_manila", manila())
        ledger = Ledger(path)
        service = JobService(
            provider=provider, device=provider.device, ledger=ledger, mitigation=mitigation
        )
        found.append(service.expectations([(waiting(), TURNS)])[0])
        assert service.tally.jobs == jobs
        ledger.close()
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_array_equal(found[1], found[3])
    assert abs(found[0] - found[1]).max() > 1e-6
    # One provider that has prepared the circuit without pulses prepares it again.
    both = AerProvider("fake_manila", manila())
    for mitigation, expected in (((), found[0]), (DECOUPLED, found[1])):
        service = JobService(provider=both, device=both.device, mitigation=mitigation)
        np.testing.assert_array_equal(service.expectations([(waiting(), TURNS)])[0], expected)


def test_a_back_end_of_qiskit_is_handed_the_pulses(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = FakeManilaV2()
    handed: list[Any] = []
    run = backend.run

    def watched(circuits: Any, **options: Any) -> Any:
        handed.extend(circuits)
        return run(circuits, **options)

    monkeypatch.setattr(backend, "run", watched)
    opened = open_provider(backend)
    service = JobService(
        provider=opened.provider, device=opened.device, shots=4000, mitigation=DECOUPLED
    )
    assert opened.device is not None
    simulated = JobService(
        provider=AerProvider("fake_manila", manila()), device=manila(), mitigation=DECOUPLED
    )
    expected = simulated.expectations([(waiting(), TURNS)])[0]
    np.testing.assert_allclose(service.expectations([(waiting(), TURNS)])[0], expected, atol=0.1)
    counts = handed[0].count_ops()
    assert counts["x"] >= 2 and counts["delay"] >= 3


def refusal(provider: Any, device: Device | None, placed: Placed = NATIVE) -> str:
    service = JobService(provider=provider, device=device, shots=10, mitigation=DECOUPLED)
    message = service.refusal(placed)
    return "" if message is None else message.diagnostic().title


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_where_pulses_cannot_be_put_is_said() -> None:
    from pytket.extensions.qiskit.backends.aer import AerBackend
    from qiskit_aer.noise import NoiseModel

    assert refusal(AerProvider("fake_manila", manila()), manila()) == ""
    assert "routed for a device" in refusal(AerProvider("aer"), None)
    for name in ("cx", "x"):
        device = without_times((name,))
        found = refusal(AerProvider("fake_manila", device), device)
        assert "duration" in found and name in found
    opened = open_provider(AerBackend(noise_model=NoiseModel.from_backend(FakeManilaV2())))
    assert "delays" in refusal(opened.provider, opened.device)
    opened = open_provider(AerSimulator())
    assert "routed for a device" in refusal(opened.provider, opened.device)
    opened = open_provider(FakeManilaV2())
    assert refusal(opened.provider, opened.device) == ""
    opened.provider.device = replace(opened.device, dt=None)  # type: ignore[attr-defined,type-var]
    assert "dt" in refusal(opened.provider, opened.device)


@pytest.mark.parametrize("dt", [None, 1.7e-9])
def test_waiting_counts_whatever_dt_a_device_has(dt: float | None) -> None:
    expected, found = (
        JobService(provider=AerProvider("fake_manila", device)).expectations([(waiting(), TURNS)])[
            0
        ]
        for device in (manila(), replace(manila(), dt=dt))
    )
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_gates_without_durations_count_as_no_time_and_are_named() -> None:
    relaxed = without_times(("sx",))
    perfect = replace(manila(), relaxation=())
    expected, found, without = (
        JobService(provider=AerProvider("fake_manila", device)).expectations([(waiting(), TURNS)])[
            0
        ]
        for device in (manila(), relaxed, perfect)
    )
    # Waiting for the two-qubit gates is still there.
    assert abs(found - expected).max() < 0.2 * abs(without - expected).max()
    adapter = qcompile.compile(SOURCE)
    for device, named in (
        (without_times(("cx", "sx")), "cx, sx"),
        (manila(), None),
        (without_times(("cx",), relaxation=()), None),
    ):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            adapter.on(device)
            adapter(torch.eye(2))
        own = [item.message for item in caught if isinstance(item.message, QCompileWarning)]
        assert [d.code for item in own for d in item.diagnostics] == ["QA7121"] * bool(named)
        assert named is None or named in str(own[0])


SOURCE = """qa 1
adapter s() {
    shape 2 -> 1
    q = circuit(2 qubits) { encode angle(x, gate: ry); cz line; ry; measure z }
    update linear(q, to: out_features)
}
"""
