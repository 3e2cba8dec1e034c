"""A service by jobs: what becomes of bindings on their way to values, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.services import (
    BindingsNotFinite,
    NotMitigated,
    ReadingsNotUndone,
    ReadoutErrorsUnknown,
    ServiceNotPickled,
    ShotsNeeded,
    TooManyRead,
)
from qcompile.executors.measured.service import Placed
from qcompile.ir.device import Device
from qcompile.ir.target import can_be_undone
from qcompile.qiskit.observables import measured_qubits
from qcompile.services.call import JobCall
from qcompile.services.native import read_places
from qcompile.services.outcomes import MOST_READ, Row, values
from qcompile.services.provider import Provider
from qcompile.services.samplings import Sampling, mitigation_defect, samplings
from qcompile.services.terms import Terms


@dataclass(kw_only=True)
class JobService(Terms):
    """A `Service` over a provider.

    A round hands in what is missing and waits for what is open. A job that does not answer in time
    is waited for again, not handed in again; one that is lost, or brings no result of some
    bindings, is handed in again for these. After `patience.tries` rounds without a new result the
    call fails.
    """

    provider: Provider
    shots: int | None = None
    """Of each value; None: exact values."""
    mitigate: bool = False
    """Undo the errors of reading."""
    mitigation: tuple[str, ...] = ()
    """What else lessens errors: `zne`, `twirling`, `decoupling`."""
    device: Device | None = None
    """What circuits were routed for, if anything."""

    def __post_init__(self) -> None:
        if self.shots is None and not self.provider.exact:
            raise AdapterError(ShotsNeeded(service=self.name))

    @property
    def name(self) -> str:
        return self.provider.name

    def close(self) -> None:
        """Let another process have the ledger; end what the provider holds between jobs."""
        self.provider.close()
        if self.ledger is not None:
            self.ledger.close()

    def __deepcopy__(self, memo: dict[int, Any]) -> JobService:
        # A copy of an adapter runs at the same place, on the same account.
        return self

    def __reduce__(self) -> NoReturn:
        raise AdapterError(ServiceNotPickled(service=self.name))

    def expectations(
        self, asked: Sequence[tuple[Placed, NDArray[np.float64]]]
    ) -> list[NDArray[np.float64]]:
        """As `Service` says.

        Raises:
            AdapterError: QA7104 to QA7106, QA7109, QA7116 to QA7119, QA7124.
        """
        self._refuse_any(asked)
        rows = [_distinct(bindings) for _, bindings in asked]
        samplings = [self.samplings(placed) for placed, _ in asked]
        work = [
            (sampling, distinct)
            for own, (distinct, _) in zip(samplings, rows, strict=True)
            for sampling in own
        ]
        errors = [
            [
                self.provider.read_errors(c) if self.mitigate else None
                for c in sampling.placed.copies
            ]
            for sampling, _ in work
        ]
        try:
            found = iter(JobCall(self.provider, self, work).values(errors))
        except BaseException:
            # A session is paid for while it is open; one more job opens it again.
            self.provider.close()
            raise
        results = []
        for (placed, bindings), own, (_, which) in zip(asked, samplings, rows, strict=True):
            measured = [sampling.weight * next(found) for sampling in own]
            results.append(
                sum(measured[1:], measured[0])[which] if own else _certain(placed, bindings)
            )
        return results

    def samplings(self, placed: Placed) -> tuple[Sampling, ...]:
        """What is run for the values of a circuit; nothing where it reads identities alone."""
        if not measured_qubits(placed.circuit):
            return ()
        return samplings(placed, self.shots, self.provider, self.mitigation)

    def _not_undone(self, placed: Placed) -> int | None:
        """A qubit of the device whose reading leaves nothing to undo."""
        for copy in placed.copies:
            errors = self.provider.read_errors(copy) or ()
            for qubit, own in zip(read_places(copy), errors, strict=True):
                if not can_be_undone(own):
                    return qubit
        return None

    def _refuse_any(self, asked: Sequence[tuple[Placed, NDArray[np.float64]]]) -> None:
        wrong = sum(int((~np.isfinite(bindings)).any(1).sum()) for _, bindings in asked)
        if wrong:
            circuits = sum(len(bindings) for _, bindings in asked)
            raise AdapterError(BindingsNotFinite(service=self.name, wrong=wrong, circuits=circuits))
        refused = [self.refusal(placed) for placed, _ in asked]
        found = dict.fromkeys(message for message in refused if message is not None)
        if found:
            raise AdapterError(*found)

    def refusal(self, placed: Placed) -> Message | None:
        """Why a circuit is not run here as asked for; None: it is."""
        count = len(measured_qubits(placed.circuit))
        if count == 0:
            return None
        if count > MOST_READ:
            return TooManyRead(service=self.name, qubits=count, most=MOST_READ)
        if self.mitigate and any(self.provider.read_errors(c) is None for c in placed.copies):
            return ReadoutErrorsUnknown(service=self.name)
        lost = self._not_undone(placed) if self.mitigate else None
        if lost is not None:
            return ReadingsNotUndone(what=f"qubit {lost} of `{self.name}`")
        defect = mitigation_defect(placed, self.device, self.mitigation)
        if not defect and "decoupling" in self.mitigation:
            defect = self.provider.no_decoupling(placed)
        if defect:
            return NotMitigated(service=self.name, reason=defect)
        return self.provider.refusal(placed, self.shots)


def _distinct(
    bindings: NDArray[np.float64],
) -> tuple[NDArray[np.float64], list[int]]:
    """Each row once, and which of them every row is."""
    rows: dict[bytes, int] = {}
    which = [rows.setdefault(row.tobytes(), len(rows)) for row in bindings]
    distinct = np.empty((len(rows), bindings.shape[1]))
    distinct[which] = bindings
    return distinct, which


def _certain(placed: Placed, bindings: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of identities, which need no state."""
    row = Row(codes=np.zeros(1, np.int64), weights=np.ones(1))
    return values(placed.circuit, [row] * len(bindings), None)
