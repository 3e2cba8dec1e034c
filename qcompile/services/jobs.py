"""From bindings to values by jobs: chunks, retries, a ledger, limits, mitigation."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.services import (
    BadOutcome,
    BindingsNotFinite,
    OverBudget,
    ReadoutErrorsUnknown,
    ServiceFailed,
    ServiceNotPickled,
    ShotsNeeded,
)
from qcompile.executors.measured.service import Placed
from qcompile.ir.device import Device
from qcompile.qiskit.observables import measured_qubits
from qcompile.services.ledger import Ledger
from qcompile.services.outcomes import Row, row_defect, values
from qcompile.services.provider import JobRequest, Lost, Provider

REASON = 200
"""Characters of a provider's own words that are repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often and how long a job is tried."""

    tries: int = 5
    """Rounds in a row that bring no new result."""
    pause: float = 1.0
    """Seconds after the first of them; twice as long after each further one."""
    timeout: float = 24 * 3600.0
    """Seconds that one round waits for a job."""
    sleep: Callable[[float], None] = time.sleep


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was handed in so far."""

    circuits: int = 0
    """Bindings."""
    shots: int = 0
    jobs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Most shots and jobs of a run; None: any number."""

    shots: int | None = None
    jobs: int | None = None


@dataclass(kw_only=True)
class JobService:
    """A `Service` over a provider.

    A round hands in what is missing and waits for what is open. A job that does not answer in time
    is waited for again, not handed in again; one that is lost, or brings no result of some
    bindings, is handed in again for these. After `patience.tries` rounds without a new result the
    call fails.
    """

    provider: Provider
    shots: int | None = None
    """Of each binding; None: exact values."""
    mitigate: bool = False
    """Undo the errors of reading."""
    ledger: Ledger | None = None
    budget: Budget = field(default_factory=Budget)
    patience: Patience = field(default_factory=Patience)
    say: Callable[[str], None] | None = None
    """Told how far a call is."""
    tally: Tally = field(default_factory=Tally)
    device: Device | None = None
    """What circuits were routed for, if anything."""

    def __post_init__(self) -> None:
        if self.shots is None and not self.provider.exact:
            raise AdapterError(ShotsNeeded(service=self.name))

    @property
    def name(self) -> str:
        return self.provider.name

    def close(self) -> None:
        """Let another process have the ledger."""
        if self.ledger is not None:
            self.ledger.close()

    def __deepcopy__(self, memo: dict[int, Any]) -> JobService:
        # A copy of an adapter runs at the same place, on the same account.
        return self

    def __reduce__(self) -> NoReturn:
        raise AdapterError(ServiceNotPickled(service=self.name))

    def expectations(self, placed: Placed, bindings: NDArray[np.float64]) -> NDArray[np.float64]:
        """As `Service` says.

        Raises:
            AdapterError: QA7104 to QA7106, QA7109, QA7116.
        """
        wrong = int((~np.isfinite(bindings)).any(1).sum())
        if wrong:
            raise AdapterError(
                BindingsNotFinite(service=self.name, wrong=wrong, circuits=len(bindings))
            )
        if not measured_qubits(placed.circuit):
            # Nothing but identities, which need no state.
            certain = Row(codes=np.zeros(1, np.int64), weights=np.ones(1))
            return values(placed.circuit, [certain] * len(bindings), None)
        errors = self.provider.read_errors(placed) if self.mitigate else None
        if self.mitigate and errors is None:
            raise AdapterError(ReadoutErrorsUnknown(service=self.name))
        rows = _Call(self, placed, bindings).rows()
        return values(placed.circuit, rows, errors)


@dataclass(slots=True, kw_only=True)
class _Job:
    keys: tuple[str, ...]
    work: JobRequest
    tag: str
    id: str


class _Call:
    """All bindings of one call, until every one has its row."""

    def __init__(self, service: JobService, placed: Placed, bindings: NDArray[np.float64]) -> None:
        self.service, self.provider, self.ledger = service, service.provider, service.ledger
        self.placed, self.shots = placed, service.shots
        self.qubits = len(measured_qubits(placed.circuit))
        about = sha256(repr((service.name, placed, service.shots)).encode())
        self.keys: list[str] = []
        for row in bindings:
            key = about.copy()
            key.update(row.tobytes())
            self.keys.append(key.hexdigest()[:32])
        self.bindings = dict(zip(self.keys, bindings, strict=True))
        self.found: dict[str, Row] = {}
        self.open: list[_Job] = []
        self.trouble: Message = ServiceFailed(service=service.name, reason="it returned nothing")

    def rows(self) -> list[Row]:
        """One for each binding, in order."""
        self._take_over()
        self._refuse_over_budget()
        patience, tries = self.service.patience, 0
        most = patience.tries if self.provider.remote else 1
        while True:
            before = len(self.found)
            self._hand_in()
            self._collect()
            if len(self.found) == len(self.bindings):
                return [self.found[key] for key in self.keys]
            tries = 0 if len(self.found) > before else tries + 1
            if tries == most:
                raise AdapterError(self.trouble)
            if tries:
                patience.sleep(patience.pause * 2 ** (tries - 1))

    def _take_over(self) -> None:
        """What earlier runs have paid for: their results, and jobs that they did not see end."""
        if self.ledger is None:
            return
        for key in self.bindings:
            row = self.ledger.row(key)
            if row is not None:
                self.found[key] = row
        for tag, job, keys in self.ledger.open_jobs():
            if not self.bindings.keys() >= set(keys):
                continue
            try:
                known = job if job is not None else self.provider.find(tag)
            except Exception as error:
                # Handing it in again would pay twice.
                self._failed(error)
                raise AdapterError(self.trouble) from None
            if known is None:
                self.ledger.failed(tag, "it was not handed in")
            else:
                self.open.append(_Job(keys=keys, work=self._work(keys), tag=tag, id=known))

    def _missing(self) -> list[str]:
        waiting = {key for job in self.open for key in job.keys}
        return [key for key in self.bindings if key not in self.found and key not in waiting]

    def _chunks(self) -> list[tuple[str, ...]]:
        limits, missing = self.provider.limits, self._missing()
        size = limits.bindings
        if limits.shots is not None and self.shots is not None:
            size = max(1, min(size, limits.shots // self.shots))
        return [tuple(missing[k : k + size]) for k in range(0, len(missing), size)]

    def _work(self, keys: Sequence[str]) -> JobRequest:
        rows = np.stack([self.bindings[key] for key in keys])
        return JobRequest(placed=self.placed, bindings=rows, shots=self.shots)

    def _refuse_over_budget(self) -> None:
        """Before anything of the call is handed in."""
        tally, budget, chunks = self.service.tally, self.service.budget, self._chunks()
        shots = tally.shots + (self.shots or 0) * sum(map(len, chunks))
        jobs = tally.jobs + len(chunks)
        for needed, unit, allowed in (
            (shots, "shots", budget.shots),
            (jobs, "jobs", budget.jobs),
        ):
            if chunks and allowed is not None and needed > allowed:
                raise AdapterError(
                    OverBudget(service=self.service.name, needed=needed, unit=unit, allowed=allowed)
                )

    def _hand_in(self) -> None:
        self._refuse_over_budget()
        tally = self.service.tally
        for keys in self._chunks():
            tag = f"qcompile-{uuid.uuid4().hex}"
            work = self._work(keys)
            if self.ledger is not None:
                self.ledger.planned(tag, self.service.name, keys, self.shots)
            try:
                job: str | None = self.provider.submit(work, tag)
            except Exception as error:
                # The answer may be what was lost, not the job.
                job = self._found_after(tag)
                self._failed(error)
            if job is None:
                if self.ledger is not None:
                    self.ledger.failed(tag, _told(self.trouble))
                continue
            tally.jobs += 1
            tally.circuits += len(keys)
            tally.shots += len(keys) * (self.shots or 0)
            if self.ledger is not None:
                self.ledger.submitted(tag, job)
            self.open.append(_Job(keys=keys, work=work, tag=tag, id=job))

    def _found_after(self, tag: str) -> str | None:
        try:
            return self.provider.find(tag)
        except Exception:
            return None

    def _collect(self) -> None:
        for job in tuple(self.open):
            try:
                rows = self.provider.rows(job.id, job.work, self.service.patience.timeout)
            except Lost as error:
                self.open.remove(job)
                self._failed(error)
                if self.ledger is not None:
                    self.ledger.failed(job.tag, _told(self.trouble))
                continue
            except Exception as error:
                self._failed(error)
                continue
            self.open.remove(job)
            good = self._good(job, rows)
            self.found |= good
            if self.ledger is not None:
                self.ledger.answered(job.tag, good)
            if self.service.say is not None:
                done, asked = len(self.found), len(self.bindings)
                self.service.say(f"{self.service.name}: {done:,} of {asked:,} circuits")

    def _good(self, job: _Job, rows: Sequence[Row | None]) -> dict[str, Row]:
        """The rows that are results; what is wrong with others is remembered."""
        if len(rows) > len(job.keys):
            # Which of them belongs to which binding is not known.
            reason = f"{len(rows)} results of {len(job.keys)} circuits"
            self.trouble = BadOutcome(service=self.service.name, reason=reason)
            return {}
        if len(rows) < len(job.keys) or any(row is None for row in rows):
            reason = "it returned too few results"
            self.trouble = ServiceFailed(service=self.service.name, reason=reason)
        good = {}
        for key, row in zip(job.keys, rows, strict=False):
            if row is None:
                continue
            wrong = row_defect(row, self.qubits, self.shots)
            if wrong is None:
                good[key] = row
            else:
                self.trouble = BadOutcome(service=self.service.name, reason=wrong)
        return good

    def _failed(self, error: Exception) -> None:
        if isinstance(error, TimeoutError) and not str(error):
            seconds = self.service.patience.timeout
            text = f"a job did not end within {seconds:,.0f} s"
        else:
            text = str(error).strip().splitlines()[0][:REASON] if str(error).strip() else ""
            text = text or type(error).__name__
        self.trouble = ServiceFailed(service=self.service.name, reason=text)


def _told(message: Message) -> str:
    return str(getattr(message, "reason", ""))
