"""IBM Quantum without a network: an account that remembers jobs, which run in the local mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import qiskit_ibm_runtime
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qcompile.backends.devices import device_of
from qcompile.services.runtime import RuntimeProvider
from qcompile.services.runtime_options import RuntimeOptions
from qcompile.services.runtime_sampler import sampler_type

TOKEN = "crn-secret-0123456789"


@dataclass
class Job:
    """As much of a RuntimeJobV2 as is used."""

    account: Account
    name: str

    def job_id(self) -> str:
        return self.name

    def result(self, timeout: float | None = None) -> Any:
        self.account.step("result")
        return self.account.results[self.name]


@dataclass
class Account:
    """What a QiskitRuntimeService remembers, also after the process has ended."""

    results: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, list[str]] = field(default_factory=dict)
    pubs: list[list[Any]] = field(default_factory=list)
    samplers: list[Any] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    opened: int = 0
    faults: dict[str, list[BaseException | None]] = field(default_factory=dict)
    """What is raised at the next times a step is reached: `submit`, `accepted`, `result`, `close`.
    """
    token: str = TOKEN

    def active_account(self) -> dict[str, str]:
        return {"channel": "ibm_quantum_platform", "token": self.token}

    def backend(self, name: str) -> FakeManilaV2:
        return FakeManilaV2()

    def job(self, job_id: str) -> Job:
        return Job(self, job_id)

    def jobs(self, limit: int | None = 10, job_tags: list[str] | None = None) -> list[Job]:
        wanted = set(job_tags or ())
        found = [name for name, tags in self.tags.items() if wanted <= set(tags)]
        return [self.job(name) for name in found[:limit]]

    def step(self, name: str) -> None:
        planned = self.faults.get(name)
        error = planned.pop(0) if planned else None
        if error is not None:
            raise error


def sampler_of(account: Account) -> Callable[[], Any]:
    """The sampler of the installed version, whose jobs the account remembers."""

    class Sampler(sampler_type()):  # type: ignore[misc]
        def run(self, pubs: Any, **more: Any) -> Any:
            account.step("submit")
            job = super().run(pubs, **more)
            account.samplers.append(self)
            account.pubs.append(list(pubs))
            account.results[job.job_id()] = job.result()
            account.tags[job.job_id()] = list(self.options.environment.job_tags)
            account.step("accepted")
            return account.job(job.job_id())

    return lambda: Sampler


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    found = Account()
    monkeypatch.setattr("qcompile.services.runtime.sampler_type", sampler_of(found))
    for name in ("Batch", "Session"):

        class Watched(getattr(qiskit_ibm_runtime, name)):  # type: ignore[misc]
            def __init__(self, **more: Any) -> None:
                found.opened += 1
                super().__init__(**more)

            def close(self) -> None:
                found.step("close")
                found.closed.append(type(self).__bases__[0].__name__)
                super().close()

        monkeypatch.setattr(qiskit_ibm_runtime, name, Watched)
    return found


def provider_of(account: Account, **options: Any) -> RuntimeProvider:
    backend = FakeManilaV2()
    return RuntimeProvider(account, backend, device_of(backend), RuntimeOptions(**options))
