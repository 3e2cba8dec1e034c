"""Devices of IBM Quantum, through qiskit-ibm-runtime."""

from __future__ import annotations

import json
import warnings
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

from qcompile.diagnostics.errors import QCompileWarning
from qcompile.diagnostics.messages.services import SessionNotEnded
from qcompile.executors.measured.service import Placed
from qcompile.ir.device import Device
from qcompile.services.outcomes import Errors, Row
from qcompile.services.provider import Limits, Lost, Pub
from qcompile.services.qiskit_backend import SamplerProvider, pub_rows
from qcompile.services.runtime_options import JOBS, Mode, RuntimeOptions
from qcompile.services.runtime_sampler import (
    measures_twirled,
    refuse_options,
    sampler_type,
    whole_shots,
)


class RuntimeProvider(SamplerProvider):
    """Jobs of IBM Quantum, which outlive this process.

    Every job bears a tag, so that one whose id was lost is found again.
    """

    bills_time = True
    takes_runtime_options = True

    def __init__(
        self, service: Any, backend: Any, device: Device | None, options: RuntimeOptions = JOBS
    ) -> None:
        """Args:
            service: A QiskitRuntimeService, or what has its `job` and `jobs`.
            backend: One of its back ends.
            device: What circuits are routed for.
            options: How jobs are handed in.

        Raises:
            UsageError: QA7122.
        """
        super().__init__(backend, device, backend.name, Limits(bindings=5000, shots=10**7))
        self.service = service
        self.options = options
        self._mode: Any = None
        self._closing: Any = None
        refuse_options(options.sampler)
        if options.sampler:
            self.about = (json.dumps(options.sampler, sort_keys=True, default=repr),)

    def sampler(self, tag: str, *, decoupled: bool) -> Any:
        sampler = sampler_type()(mode=self._opened())
        sampler.options.update(**self.options.sampler)
        tags = sampler.options.environment.job_tags
        sampler.options.environment.job_tags = [*(tags or ()), tag]
        if self.options.max_seconds is not None:
            sampler.options.max_execution_time = self.options.max_seconds
        if decoupled:
            sampler.options.dynamical_decoupling.enable = True
            sampler.options.dynamical_decoupling.sequence_type = "XX"
            # As where qcompile puts the pulses.
            sampler.options.dynamical_decoupling.skip_reset_qubits = True
        return sampler

    def no_decoupling(self, placed: Placed) -> str:
        return ""

    def whole_shots(self, shots: int) -> int:
        return whole_shots(self.options.sampler, shots)

    def read_errors(self, placed: Placed) -> Errors | None:
        errors = super().read_errors(placed)
        if errors is None or not measures_twirled(self.options.sampler):
            return errors
        return [((up + down) / 2,) * 2 for up, down in errors]

    def find(self, tag: str) -> str | None:
        found = self.service.jobs(limit=1, job_tags=[tag])
        return str(found[0].job_id()) if found else None

    def rows(self, job: str, pubs: Sequence[Pub], timeout: float) -> Sequence[Row | None]:
        from qiskit_ibm_runtime.exceptions import (
            RuntimeJobFailureError,
            RuntimeJobMaxTimeoutError,
            RuntimeJobNotFound,
            RuntimeJobTimeoutError,
        )

        try:
            return list(pub_rows(self.service.job(job).result(timeout=timeout), pubs))
        except RuntimeJobTimeoutError:
            raise TimeoutError from None
        except (RuntimeJobFailureError, RuntimeJobMaxTimeoutError, RuntimeJobNotFound) as error:
            raise Lost(str(error)) from None

    def credentials(self) -> Iterable[str]:
        account: dict[str, Any] = getattr(self.service, "active_account", dict)() or {}
        return [str(account[name]) for name in ("token", "instance") if account.get(name)]

    def close(self) -> None:
        """End the batch or session; jobs that were handed in still run."""
        if self._closing is not None:
            self._closing()
        self._mode = self._closing = None

    def _opened(self) -> Any:
        """The back end, or the batch or session that is open."""
        from qiskit_ibm_runtime import Batch, Session

        if self.options.mode == "job":
            return self.backend
        if self._mode is None:
            kind = Batch if self.options.mode == "batch" else Session
            self._mode = kind(backend=self.backend)
            # A session is paid for until it is closed, also where a run ends in the middle.
            self._closing = weakref.finalize(self, _end, self._mode, self.options.mode, self.name)
        return self._mode


def _end(opened: Any, mode: Mode, name: str) -> None:
    """Also where a process ends, or a call has failed: then there is another error to tell."""
    try:
        opened.close()
    except Exception as error:
        # Its own words may repeat what was sent.
        found = SessionNotEnded(service=name, mode=mode, reason=type(error).__name__)
        warnings.warn(QCompileWarning(found), stacklevel=2)
