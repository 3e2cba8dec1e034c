"""One call: bindings become jobs, until every one of them has its row."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.services import BadOutcome, OverBudget, ServiceFailed
from qcompile.qiskit.observables import measured_qubits
from qcompile.services.credentials import without_credentials
from qcompile.services.outcomes import Errors, Row, row_defect, values
from qcompile.services.provider import Lost, Provider, Pub, PubSize
from qcompile.services.samplings import Sampling
from qcompile.services.terms import Terms

REASON = 200
"""Characters of a provider's own words that are repeated."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """What one row is wanted for."""

    sampling: int
    binding: int


@dataclass(frozen=True, slots=True)
class _Run:
    """A unit on one of the places of its circuit."""

    unit: _Unit
    copy: int


@dataclass(slots=True, kw_only=True)
class _Job:
    runs: tuple[_Run, ...]
    work: tuple[Pub, ...]
    tag: str
    id: str


class JobCall:
    """All bindings of one call, those of each sampling."""

    def __init__(
        self,
        provider: Provider,
        terms: Terms,
        work: Sequence[tuple[Sampling, NDArray[np.float64]]],
    ) -> None:
        """Args:
        provider: Runs the jobs.
        terms: Of the service.
        work: Samplings, of one circuit or several, each with bindings (K, slots) of which no two
            are equal.
        """
        self.provider, self.terms, self.ledger = provider, terms, terms.ledger
        self.samplings = tuple(sampling for sampling, _ in work)
        self.bindings = tuple(bindings for _, bindings in work)
        self.copies = [sampling.placed.copies for sampling in self.samplings]
        self.qubits = [len(measured_qubits(sampling.placed.circuit)) for sampling in self.samplings]
        self._about: dict[tuple[int, int], Any] = {}
        self.units = [
            _Unit(sampling, binding)
            for sampling, bindings in enumerate(self.bindings)
            for binding in range(len(bindings))
        ]
        self.found: dict[_Unit, tuple[Row, int]] = {}
        """Each row with the copy that it is of."""
        self.open: list[_Job] = []
        self.trouble: Message = ServiceFailed(service=provider.name, reason="it returned nothing")

    def values(self, errors: Sequence[Sequence[Errors | None]]) -> list[NDArray[np.float64]]:
        """Of each sampling (K, outputs).

        Args:
            errors: Of reading, for each sampling and each of its places, which are undone.

        Raises:
            AdapterError: QA7104 to QA7106.
        """
        self._run()
        return [self._values(number, own) for number, own in enumerate(errors)]

    def _values(self, number: int, errors: Sequence[Errors | None]) -> NDArray[np.float64]:
        circuit = self.samplings[number].placed.circuit
        own = [self.found[_Unit(number, binding)] for binding in range(len(self.bindings[number]))]
        places = np.array([copy for _, copy in own])
        result = np.empty((len(own), circuit.outputs))
        for copy in set(places.tolist()):
            members = np.flatnonzero(places == copy)
            rows = [own[member][0] for member in members]
            result[members] = values(circuit, rows, errors[copy])
        return result

    def _run(self) -> None:
        self._take_over()
        self._refuse_over_budget()
        patience, tries = self.terms.patience, 0
        most = patience.tries if self.provider.remote else 1
        while True:
            before = len(self.found)
            self._hand_in()
            self._collect()
            if len(self.found) == len(self.units):
                return
            tries = 0 if len(self.found) > before else tries + 1
            if tries == most:
                raise AdapterError(self.trouble)
            if tries:
                patience.sleep(patience.pause * 2 ** (tries - 1))

    def _key(self, run: _Run) -> str:
        """What the ledger calls the row of a unit on a place."""
        where = run.unit.sampling, run.copy
        if where not in self._about:
            sampling, placed = self.samplings[where[0]], self.copies[where[0]][run.copy]
            about = (self.provider.name, placed, *sampling.about, *self.provider.about)
            self._about[where] = sha256(repr(about).encode())
        key = self._about[where].copy()
        key.update(self.bindings[run.unit.sampling][run.unit.binding].tobytes())
        return str(key.hexdigest()[:32])

    def _take_over(self) -> None:
        """What earlier runs have paid for: their results, and jobs that they did not see end."""
        if self.ledger is None:
            return
        runs = {
            self._key(run): run
            for unit in self.units
            for run in (_Run(unit, copy) for copy in range(len(self.copies[unit.sampling])))
        }
        for key, run in runs.items():
            row = self.ledger.row(key)
            if row is not None:
                self.found.setdefault(run.unit, (row, run.copy))
        for tag, job, keys in self.ledger.open_jobs():
            if not runs.keys() >= set(keys):
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
                own = tuple(runs[key] for key in keys)
                self.open.append(_Job(runs=own, work=self._work(own), tag=tag, id=known))

    def _missing(self) -> list[_Unit]:
        waiting = {run.unit for job in self.open for run in job.runs}
        return [unit for unit in self.units if unit not in self.found and unit not in waiting]

    def _planned(self) -> Iterator[tuple[tuple[PubSize, list[_Unit]], ...]]:
        """The jobs that are to be handed in."""
        missing = self._missing()
        own = [
            [unit for unit in missing if unit.sampling == number]
            for number in range(len(self.samplings))
        ]
        taken = [0] * len(own)
        for sizes in self.provider.limits.jobs(
            (len(units), len(copies), sampling.shots)
            for units, copies, sampling in zip(own, self.copies, self.samplings, strict=True)
        ):
            job = []
            for size in sizes:
                first = taken[size.circuit]
                taken[size.circuit] += size.circuits
                job.append((size, own[size.circuit][first : first + size.circuits]))
            yield tuple(job)

    def _runs(self, size: PubSize, units: Sequence[_Unit]) -> tuple[_Run, ...]:
        """Where each is run; what is left of the last binding runs the last one once more."""
        return tuple(
            _Run(units[min(place, len(units) - 1)], place % size.copies)
            for place in range(size.bindings * size.copies)
        )

    def _work(self, runs: Sequence[_Run]) -> tuple[Pub, ...]:
        """A job of them, which are together by their circuits."""
        return tuple(
            self._pub(number, tuple(own))
            for number, own in groupby(runs, key=lambda run: run.unit.sampling)
        )

    def _pub(self, number: int, runs: Sequence[_Run]) -> Pub:
        copies = 1 + max(run.copy for run in runs)
        rows = self.bindings[number][[run.unit.binding for run in runs]]
        return Pub(
            copies=self.copies[number][:copies],
            bindings=rows.reshape(len(runs) // copies, copies, rows.shape[1]),
            shots=self.samplings[number].shots,
        )

    def _refuse_over_budget(self) -> None:
        """Before anything of the call is handed in."""
        tally, budget = self.terms.tally, self.terms.budget
        shots, jobs = tally.shots, tally.jobs
        for job in self._planned():
            shots += sum(size.bindings * (size.shots or 0) for size, _ in job)
            jobs += 1
        for needed, unit, allowed in (
            (shots, "shots", budget.shots),
            (jobs, "jobs", budget.jobs),
        ):
            if jobs > tally.jobs and allowed is not None and needed > allowed:
                raise AdapterError(
                    OverBudget(
                        service=self.provider.name, needed=needed, unit=unit, allowed=allowed
                    )
                )

    def _hand_in(self) -> None:
        self._refuse_over_budget()
        tally = self.terms.tally
        for planned in tuple(self._planned()):
            tag = f"qcompile-{uuid.uuid4().hex}"
            runs = tuple(run for size, units in planned for run in self._runs(size, units))
            work = self._work(runs)
            if self.ledger is not None:
                keys = tuple(map(self._key, runs))
                self.ledger.planned(tag, self.provider.name, keys, work[0].shots)
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
            tally.circuits += sum(size.circuits for size, _ in planned)
            tally.shots += sum(size.bindings * (size.shots or 0) for size, _ in planned)
            if self.ledger is not None:
                self.ledger.submitted(tag, job)
            self.open.append(_Job(runs=runs, work=work, tag=tag, id=job))

    def _found_after(self, tag: str) -> str | None:
        try:
            return self.provider.find(tag)
        except Exception:
            return None

    def _collect(self) -> None:
        for job in tuple(self.open):
            try:
                rows = self.provider.rows(job.id, job.work, self.terms.patience.timeout)
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
            for run, row in good.items():
                self.found.setdefault(run.unit, (row, run.copy))
            if self.ledger is not None:
                self.ledger.answered(job.tag, {self._key(run): row for run, row in good.items()})
            if self.terms.say is not None:
                done, asked = len(self.found), len(self.units)
                self.terms.say(f"{self.provider.name}: {done:,} of {asked:,} circuits")

    def _good(self, job: _Job, rows: Sequence[Row | None]) -> dict[_Run, Row]:
        """The rows that are results; what is wrong with others is remembered."""
        name = self.provider.name
        if len(rows) > len(job.runs):
            # Which of them belongs to which binding is not known.
            reason = f"{len(rows)} results of {len(job.runs)} circuits"
            self.trouble = BadOutcome(service=name, reason=reason)
            return {}
        if len(rows) < len(job.runs) or any(row is None for row in rows):
            self.trouble = ServiceFailed(service=name, reason="it returned too few results")
        good = {}
        for run, row in zip(job.runs, rows, strict=False):
            if row is None:
                continue
            number = run.unit.sampling
            wrong = row_defect(row, self.qubits[number], self.samplings[number].shots)
            if wrong is None:
                good[run] = row
            else:
                self.trouble = BadOutcome(service=name, reason=wrong)
        return good

    def _failed(self, error: Exception) -> None:
        if isinstance(error, TimeoutError) and not str(error):
            seconds = self.terms.patience.timeout
            text = f"a job did not end within {seconds:,.0f} s"
        else:
            told = without_credentials(str(error), self.provider.credentials()).strip()
            text = told.splitlines()[0][:REASON] if told else type(error).__name__
        self.trouble = ServiceFailed(service=self.provider.name, reason=text)


def _told(message: Message) -> str:
    return str(getattr(message, "reason", ""))
