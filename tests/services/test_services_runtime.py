"""IBM Runtime in its local mode, on a fake device: jobs, batches, sessions and options."""

from __future__ import annotations

import gc
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import qiskit_ibm_runtime
from qiskit_ibm_runtime import SamplerV2
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

import qcompile
from qcompile.backends.devices import device_of, load_device
from qcompile.cli.arguments import parse_arguments
from qcompile.diagnostics.errors import UsageError
from qcompile.ir.target import NamedDevice
from qcompile.services.aer import AerProvider
from qcompile.services.jobs import JobService
from qcompile.services.ledger import Ledger
from qcompile.services.runtime import RuntimeProvider
from qcompile.services.runtime_options import MODES, Mode, RuntimeOptions
from tests.services.test_services_aer import NATIVE, TURNS

pytestmark = [
    pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Options .* have no effect in local testing mode"),
]


class Account:
    """What a QiskitRuntimeService remembers; jobs are those of the local mode."""

    def __init__(self) -> None:
        self.samplers: list[Any] = []
        self.pubs: list[list[Any]] = []
        self.known: dict[str, Any] = {}
        self.closed: list[str] = []

    def job(self, name: str) -> Any:
        return SimpleNamespace(job_id=lambda: name, result=lambda timeout: self.known[name])

    def jobs(self, limit: int, job_tags: list[str]) -> list[Any]:
        return []


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    found = Account()

    class Sampler(SamplerV2):  # type: ignore[misc]
        def run(self, pubs: Any, **more: Any) -> Any:
            job = super().run(pubs, **more)
            found.samplers.append(self)
            found.pubs.append(list(pubs))
            found.known[job.job_id()] = job.result()
            return job

    monkeypatch.setattr(qiskit_ibm_runtime, "SamplerV2", Sampler)
    for name in ("Batch", "Session"):

        class Watched(getattr(qiskit_ibm_runtime, name)):  # type: ignore[misc]
            def close(self) -> None:
                found.closed.append(type(self).__bases__[0].__name__)
                super().close()

        monkeypatch.setattr(qiskit_ibm_runtime, name, Watched)
    return found


def provider_of(account: Account, **options: Any) -> RuntimeProvider:
    backend = FakeManilaV2()
    return RuntimeProvider(account, backend, device_of(backend), RuntimeOptions(**options))


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_gives_the_values_of_the_device(account: Account, mode: Mode) -> None:
    provider = provider_of(account, mode=mode, max_seconds=300)
    service = JobService(provider=provider, shots=4000, device=provider.device)
    manila = load_device(NamedDevice(name="fake_manila"))
    exact = JobService(provider=AerProvider("fake_manila", manila)).expectations([(NATIVE, TURNS)])[
        0
    ]
    np.testing.assert_allclose(service.expectations([(NATIVE, TURNS)])[0], exact, atol=0.1)
    service.mitigation = ("zne",)
    service.expectations([(NATIVE, TURNS)])
    # Each job is one with arrays of parameters, and its circuits are PUBs.
    assert [[values.shape for _, values, _ in pubs] for pubs in account.pubs] == [
        [(2, 2)],
        [(2, 2), (2, 2)],
    ]
    first, second = account.samplers
    assert first.options.max_execution_time == 300
    if mode == "job":
        assert first.mode is None
    else:
        # One batch or session for all jobs, open until it is closed.
        assert first.mode is second.mode and type(first.mode).__bases__[0].__name__ == mode.title()
    assert account.closed == []
    service.close()
    assert account.closed == ([] if mode == "job" else [mode.title()])
    service.close()
    assert len(account.closed) <= 1


def test_a_session_that_is_forgotten_is_closed(account: Account) -> None:
    provider = provider_of(account, mode="session")
    provider.sampler("tag", decoupled=False)
    del provider
    gc.collect()
    assert account.closed == ["Session"]


def test_options_of_the_sampler_are_handed_on(account: Account, tmp_path: Any) -> None:
    twirling = {"enable_measure": True, "num_randomizations": 16}
    keys = []
    for sampler in ({}, {"twirling": twirling, "environment": {"job_tags": ["mine"]}}):
        provider = provider_of(account, sampler=sampler)
        ledger = Ledger(tmp_path / "jobs.jsonl")
        service = JobService(provider=provider, shots=100, device=provider.device, ledger=ledger)
        service.expectations([(NATIVE, TURNS)])
        keys.append(service.tally.jobs)
        ledger.close()
    # Results under other options are not taken over.
    assert keys == [1, 1]
    options = account.samplers[1].options
    assert options.twirling.enable_measure is True and options.twirling.num_randomizations == 16
    assert len(options.environment.job_tags) == 2 and options.environment.job_tags[0] == "mine"


def test_errors_of_reading_that_are_twirled_are_those_of_both_values(account: Account) -> None:
    plain = provider_of(account).read_errors(NATIVE)
    twirled = provider_of(account, sampler={"twirling": {"enable_measure": True}})
    assert plain is not None and plain[0][0] != plain[0][1]
    assert twirled.read_errors(NATIVE) == [((up + down) / 2,) * 2 for up, down in plain]


@pytest.mark.parametrize(
    ("sampler", "told"),
    [
        ({"resilience_level": 1}, "resilience_level"),
        ({"twirling": {"enable_gate": True}}, "twirling.enable_gate"),
        ({"default_shots": 5}, "`shots`"),
        ({"dynamical_decoupling": {"enable": True}}, "decoupling"),
    ],
)
def test_options_that_are_none_are_refused(
    account: Account, sampler: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError) as caught:
        provider_of(account, sampler=sampler)
    assert caught.value.diagnostics[0].code == "QA7122" and told in str(caught.value)


SOURCE = """qa 1
adapter s() {
    shape 2 -> 1
    q = circuit(2 qubits) { encode angle(x, gate: ry); cz line; ry; measure z }
    update linear(q, to: out_features)
}
"""


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"runtime": "batch"}, "QA6013"),
        ({"runtime": RuntimeOptions(mode="sessions")}, "QA0009"),  # type: ignore[arg-type]
        ({"runtime": RuntimeOptions(max_seconds=0)}, "QA0009"),
        ({"runtime": RuntimeOptions(mode="session"), "batch": True}, "QA0011"),
    ],
)
def test_arguments_that_cannot_be_are_refused(more: dict[str, Any], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        qcompile.compile(SOURCE).on("aer", **more)
    assert caught.value.diagnostics[0].code == code


def test_the_command_line_has_modes() -> None:
    known = ["run", "a.pt", "--data", "x.npy", "-o", "y.npy"]
    found = parse_arguments([*known, "--on", "ibm_torino", "--mode=session", "--max-seconds=60"])
    assert (found.mode, found.max_seconds) == ("session", 60)
    with pytest.raises(UsageError) as caught:
        parse_arguments([*known, "--on", "fake_torino", "--mode", "batch"])
    assert "--on ibm_" in str(caught.value)
