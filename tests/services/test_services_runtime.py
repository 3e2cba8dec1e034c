"""IBM Runtime in its local mode, on a fake device: jobs, batches, sessions and options."""

from __future__ import annotations

import gc
import inspect
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit_ibm_runtime import QiskitRuntimeService, RuntimeJobV2
from qiskit_ibm_runtime.exceptions import RuntimeJobFailureError, RuntimeJobTimeoutError

import qcompile
from qcompile.backends.devices import load_device
from qcompile.cli import main
from qcompile.cli.command_line import parse_arguments
from qcompile.diagnostics.errors import AdapterError, QCompileWarning, UsageError
from qcompile.ir.target import NamedDevice
from qcompile.services.aer import AerProvider
from qcompile.services.jobs import JobService
from qcompile.services.ledger import Ledger
from qcompile.services.open import open_provider
from qcompile.services.runtime import RuntimeProvider
from qcompile.services.runtime_options import MODES, Mode, RuntimeOptions
from qcompile.services.runtime_sampler import whole_shots
from qcompile.services.terms import Patience
from tests.services.fake_runtime import TOKEN, Account, Job, account, provider_of
from tests.services.faulty import Killed
from tests.services.test_services_aer import NATIVE, TURNS

__all__ = ["account"]


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


def service_of(provider: RuntimeProvider, ledger: Ledger | None = None) -> JobService:
    patience = Patience(sleep=lambda seconds: None, tries=3)
    return JobService(
        provider=provider, shots=50, device=provider.device, patience=patience, ledger=ledger
    )


def test_the_account_has_what_is_called_of_the_real_one() -> None:
    for real, mine in ((QiskitRuntimeService, Account), (RuntimeJobV2, Job)):
        for name in ("active_account", "job", "jobs", "job_id", "result"):
            if hasattr(mine, name):
                known = inspect.signature(getattr(real, name)).parameters
                asked = inspect.signature(getattr(mine, name)).parameters
                assert set(asked) <= set(known), name


@pytest.mark.parametrize("step", ["submit", "accepted", "result"])
@pytest.mark.parametrize("mode", MODES)
def test_a_killed_run_finds_its_jobs_again(
    account: Account, mode: Mode, step: str, tmp_path: Path
) -> None:
    account.faults[step] = [Killed()]
    ledger = Ledger(tmp_path / "jobs.jsonl")
    service = service_of(provider_of(account, mode=mode), ledger)
    with pytest.raises(Killed):
        service.expectations([(NATIVE, TURNS)])
    ledger.close()
    again = service_of(provider_of(account, mode=mode), Ledger(tmp_path / "jobs.jsonl"))
    again.expectations([(NATIVE, TURNS)])
    assert len(account.results) == 1
    assert again.tally.jobs == (1 if step == "submit" else 0)


@pytest.mark.parametrize("mode", ["batch", "session"])
def test_a_call_that_fails_ends_what_is_paid_for(account: Account, mode: Mode) -> None:
    provider = provider_of(account, mode=mode)
    service = service_of(provider)
    account.faults["submit"] = [OSError("no network")] * 9
    with pytest.raises(AdapterError, match="no network"):
        service.expectations([(NATIVE, TURNS)])
    assert account.opened == 1 and account.closed == [mode.title()]
    account.faults.clear()
    service.expectations([(NATIVE, TURNS)])
    assert account.opened == 2 and len(account.closed) == 1
    account.faults["result"] = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        service.expectations([(NATIVE, -TURNS)])
    assert len(account.closed) == 2


def test_a_session_that_cannot_be_ended_is_a_warning(account: Account) -> None:
    provider = provider_of(account, mode="session")
    provider.sampler("tag", decoupled=False)
    account.faults["close"] = [OSError(f"401: token {TOKEN}")]
    with pytest.warns(QCompileWarning, match="could not be ended: OSError") as caught:
        provider.close()
    assert TOKEN not in str(caught[0].message)
    provider.close()


@pytest.mark.parametrize(
    ("twirling", "asked", "read"),
    [
        ({}, 1000, 1000),
        ({"enable_measure": True}, 1000, 1024),
        ({"enable_gates": True}, 4096, 4096),
        ({"enable_gates": True}, 4097, 32 * 129),
        ({"enable_measure": True, "num_randomizations": 16}, 1000, 1008),
        ({"enable_measure": True, "shots_per_randomization": 300}, 1000, 1200),
        ({"num_randomizations": 16}, 1000, 1000),
    ],
)
def test_shots_are_those_that_random_choices_share(
    account: Account, twirling: dict[str, Any], asked: int, read: int
) -> None:
    sampler = {"twirling": twirling}
    assert whole_shots(sampler, asked) == whole_shots(sampler, read) == read
    provider = provider_of(account, sampler=sampler)
    service = JobService(provider=provider, shots=asked, device=provider.device)
    service.expectations([(NATIVE, TURNS[:1])])
    assert service.tally.shots == read and len(account.results) == 1


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
        ({"execution": {"meas_type": "kerneled"}}, "execution.meas_type"),
        (
            {"twirling": {"num_randomizations": 4, "shots_per_randomization": 8}},
            "twirling.shots_per_randomization",
        ),
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
        ({"runtime": RuntimeOptions(max_seconds=9)}, "QA0052"),
        ({"batch": True}, "QA0052"),
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


def test_runtime_puts_the_pulses_of_decoupling_itself(account: Account) -> None:
    service = service_of(provider_of(account))
    service.expectations([(NATIVE, TURNS)])
    service.mitigation = ("decoupling",)
    service.expectations([(NATIVE, TURNS)])
    plain, decoupled = (sampler.options.dynamical_decoupling for sampler in account.samplers)
    assert plain.enable is not True
    assert (decoupled.enable, decoupled.sequence_type) == (True, "XX")
    assert decoupled.skip_reset_qubits is True


def test_runtime_is_waited_for_and_asked_again_where_a_job_failed(account: Account) -> None:
    account.faults["result"] = [RuntimeJobTimeoutError("late"), RuntimeJobFailureError("it broke")]
    service_of(provider_of(account)).expectations([(NATIVE, TURNS)])
    # The late one was waited for; the one that failed was handed in again.
    assert len(account.results) == 2
    account.faults["result"] = [RuntimeJobFailureError("it broke")] * 9
    with pytest.raises(AdapterError, match="it broke"):
        service_of(provider_of(account)).expectations([(NATIVE, -TURNS)])


def test_a_job_is_found_by_its_tag(account: Account) -> None:
    service = service_of(provider_of(account))
    service.expectations([(NATIVE, TURNS)])
    ((job, (tag,)),) = account.tags.items()
    assert service.provider.find(tag) == job and service.provider.find("other") is None


def test_no_credentials_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise ValueError(f"401: token {TOKEN} is wrong")

    monkeypatch.setattr("qiskit_ibm_runtime.QiskitRuntimeService", refuse)
    with pytest.raises(UsageError) as caught:
        open_provider("ibm_torino")
    assert TOKEN not in str(caught.value) and "QA7111" in str(caught.value)


def test_credentials_are_left_out_of_what_a_provider_says(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENDOR_API_KEY", "key-of-a-vendor")
    service = service_of(provider_of(account), Ledger(tmp_path / "jobs.jsonl"))
    told = f"401: {TOKEN} and key-of-a-vendor are wrong"
    account.faults["submit"] = [OSError(told)] * 9
    with pytest.raises(AdapterError, match="401: … and … are wrong") as caught:
        service.expectations([(NATIVE, TURNS)])
    kept = (tmp_path / "jobs.jsonl").read_text()
    assert '"failed"' in kept
    for text in (str(caught.value), repr(service), kept):
        assert TOKEN not in text and "key-of-a-vendor" not in text
    with pytest.raises(AdapterError):
        pickle.dumps(service)


def test_a_session_of_the_command_line_leaves_no_credentials(
    account: Account,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("qiskit_ibm_runtime.QiskitRuntimeService", lambda: account)
    np.save("x.npy", np.zeros((3, 2)))
    qcompile.compile(SOURCE).save("s.pt")
    data = ["--data", "x.npy", "--on", "ibm_manila", "--shots", "20", "--mode", "session"]
    kept = ["--ledger", "jobs.jsonl", "--max-jobs", "1", "-o"]
    assert main(["run", "s.pt", *data, *kept, "y.npy"]) == 0
    assert account.closed == ["Session"] and len(account.results) == 1
    # What was paid for is in the ledger.
    assert main(["run", "s.pt", *data, *kept, "z.npy"]) == 0
    assert account.opened == 1 and len(account.results) == 1
    shown = "".join(capsys.readouterr())
    for file in tmp_path.rglob("*"):
        assert TOKEN.encode() not in file.read_bytes(), file
    assert "jobs 1" in shown and TOKEN not in shown
