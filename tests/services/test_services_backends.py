"""Back ends of Qiskit and pytket."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qiskit.primitives import DataBin, PrimitiveResult, SamplerPubResult
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qcompile.backends.devices import device_of, load_device
from qcompile.diagnostics.errors import AdapterError, UsageError
from qcompile.executors.measured.service import Placed
from qcompile.ir.target import NamedDevice
from qcompile.services.aer import AerProvider
from qcompile.services.jobs import JobService
from qcompile.services.open import open_provider
from qcompile.services.terms import Patience
from tests.services.faulty import expected, turned
from tests.services.test_services_aer import NATIVE, TURNS

BINDINGS = np.random.default_rng(3).uniform(-3, 3, (4, 2))


def values(where: object, placed: Placed, bindings: Any, shots: int = 4000) -> Any:
    opened = open_provider(where)
    return JobService(provider=opened.provider, shots=shots).expectations([(placed, bindings)])[0]


def test_a_simulator_of_qiskit_gives_the_values() -> None:
    found = values(AerSimulator(), turned(), BINDINGS)
    np.testing.assert_allclose(found, expected(BINDINGS), atol=0.1)


def test_a_device_of_qiskit_gives_what_its_noise_gives() -> None:
    backend = FakeManilaV2()
    opened = open_provider(backend)
    assert opened.device is not None
    manila = load_device(NamedDevice(name="fake_manila"))
    exact = JobService(provider=AerProvider("fake_manila", manila)).expectations([(NATIVE, TURNS)])[
        0
    ]
    np.testing.assert_allclose(values(backend, NATIVE, TURNS), exact, atol=0.1)


def test_the_device_of_a_backend_is_that_of_its_calibration() -> None:
    found, known = device_of(FakeManilaV2()), load_device(NamedDevice(name="fake_manila"))
    assert found is not None
    assert (found.edges, found.qubits, set(found.native)) == (
        known.edges,
        known.qubits,
        set(known.native),
    )
    np.testing.assert_allclose(found.readout_errors, known.readout_errors)
    np.testing.assert_allclose(
        [error for _, error in found.gate_errors], [error for _, error in known.gate_errors]
    )


def test_a_backend_that_couples_all_qubits_needs_no_routing() -> None:
    assert open_provider(AerSimulator()).device is None
    generic = device_of(GenericBackendV2(3, coupling_map=[[0, 1], [1, 0], [1, 2], [2, 1]]))
    assert generic is not None and generic.edges == ((0, 1), (1, 2))


def stubborn(before: Callable[[], None], **patience: Any) -> JobService:
    """On a back end that calls `before` whenever it runs a job."""
    backend = AerSimulator()
    given = backend.run

    def watched(*circuits: Any, **options: Any) -> Any:
        before()
        return given(*circuits, **options)

    backend.run = watched
    waits = Patience(tries=2, sleep=lambda seconds: None, **patience)
    return JobService(provider=open_provider(backend).provider, shots=4000, patience=waits)


def test_a_back_end_that_hangs_is_not_waited_for_forever() -> None:
    answers = Event()
    jobs: list[int] = []

    def hang() -> None:
        jobs.append(1)
        answers.wait()

    service = stubborn(hang, timeout=0.05)
    try:
        with pytest.raises(AdapterError, match="did not end within") as caught:
            service.expectations([(turned(), BINDINGS)])
    finally:
        answers.set()
    assert caught.value.diagnostics[0].code == "QA7104"
    assert len(jobs) == 1


def test_a_job_of_a_back_end_that_failed_is_handed_in_again() -> None:
    faults = [RuntimeError("calibration is running"), TimeoutError("no answer")]

    def fail() -> None:
        if faults:
            raise faults.pop()

    service = stubborn(fail)
    with pytest.raises(AdapterError, match="calibration is running"):
        service.expectations([(turned(), BINDINGS)])
    found = service.expectations([(turned(), BINDINGS)])[0]
    np.testing.assert_allclose(found, expected(BINDINGS), atol=0.1)


def test_a_result_without_what_was_measured_is_a_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    empty = PrimitiveResult([SamplerPubResult(DataBin())])
    job = SimpleNamespace(job_id=lambda: "job", result=lambda: empty)
    sampler = SimpleNamespace(run=lambda pubs: job)
    monkeypatch.setattr("qiskit.primitives.BackendSamplerV2", lambda backend, options: sampler)
    with pytest.raises(AdapterError, match="no counts of what was measured"):
        stubborn(lambda: None).expectations([(turned(), BINDINGS)])


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_circuits_of_pytket_that_did_not_run_are_asked_for_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from pytket.backends.backend_exceptions import CircuitNotRunError
    from pytket.extensions.qiskit.backends.aer import AerBackend

    backend = AerBackend()
    handed: list[int] = []
    process, get = backend.process_circuits, backend.get_result
    broken: list[Any] = []

    def watched(circuits: Any, **more: Any) -> Any:
        handed.append(len(circuits))
        handles = process(circuits, **more)
        if len(handed) == 1:
            broken.append(handles[1])
        return handles

    def answer(handle: Any, **more: Any) -> Any:
        if handle in broken:
            raise CircuitNotRunError(handle)
        return get(handle, **more)

    monkeypatch.setattr(backend, "process_circuits", watched)
    monkeypatch.setattr(backend, "get_result", answer)
    found = values(backend, turned(), BINDINGS, shots=2000)
    np.testing.assert_allclose(found, expected(BINDINGS), atol=0.15)
    assert handed == [4, 1]


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_back_end_of_pytket_gives_the_values() -> None:
    from pytket.extensions.qiskit.backends.aer import AerBackend

    found = values(AerBackend(), turned(), BINDINGS, shots=2000)
    np.testing.assert_allclose(found, expected(BINDINGS), atol=0.15)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_back_end_of_pytket_with_couplings_runs_what_was_routed_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from pytket.extensions.qiskit.backends.aer import AerBackend
    from qiskit_aer.noise import NoiseModel

    backend = AerBackend(noise_model=NoiseModel.from_backend(FakeManilaV2()))
    opened = open_provider(backend)
    assert opened.device is not None and opened.provider.name == opened.device.name
    # Of the gates that the simulator takes those that its noise model knows.
    assert set(opened.device.native) <= {"rz", "phase", "sx", "x", "cx"}
    handed: list[Any] = []
    process = backend.process_circuits

    def watched(circuits: Any, **more: Any) -> Any:
        handed.append(circuits)
        return process(circuits, **more)

    monkeypatch.setattr(backend, "process_circuits", watched)
    exact = JobService(provider=AerProvider("aer")).expectations([(NATIVE, TURNS)])[0]
    service = JobService(provider=opened.provider, shots=4000, mitigate=True)
    np.testing.assert_allclose(service.expectations([(NATIVE, TURNS)])[0], exact, atol=0.15)
    assert {node.index[0] for circuit in handed[0] for node in circuit.qubits} == {1, 2, 3}
    gates = [command.op.type.name for command in handed[0][0].get_commands()]
    assert gates.count("CX") == 2


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_back_end_of_pytket_without_counts_is_refused() -> None:
    from pytket.extensions.qiskit.backends.aer import AerStateBackend

    with pytest.raises(UsageError) as caught:
        open_provider(AerStateBackend())
    assert caught.value.diagnostics[0].code == "QA7112"
