"""Devices of IBM Quantum, through qiskit-ibm-runtime."""

from __future__ import annotations

import json
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.services import BadRuntimeOption
from qcompile.executors.measured.service import Placed
from qcompile.ir.device import Device
from qcompile.services.outcomes import Errors, Row
from qcompile.services.provider import Limits, Lost, Pub
from qcompile.services.qiskit_backend import SamplerProvider, pub_rows
from qcompile.services.runtime_options import JOBS, OWN, RuntimeOptions


class RuntimeProvider(SamplerProvider):
    """Jobs of IBM Quantum, which outlive this process.

    Every job bears a tag, so that one whose id was lost is found again.
    """

    bills_time = True

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
        self._refuse_options()
        if options.sampler:
            self.about = (json.dumps(options.sampler, sort_keys=True, default=repr),)

    def sampler(self, tag: str, *, decoupled: bool) -> Any:
        from qiskit_ibm_runtime import SamplerV2

        sampler = SamplerV2(mode=self._opened())
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

    def read_errors(self, placed: Placed) -> Errors | None:
        errors = super().read_errors(placed)
        twirling = self.options.sampler.get("twirling")
        if errors is None or not isinstance(twirling, Mapping):
            return errors
        if not twirling.get("enable_measure"):
            return errors
        # Half of the shots are read with 0 and 1 exchanged.
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
            self._closing = weakref.finalize(self, self._mode.close)
        return self._mode

    def _refuse_options(self) -> None:
        from pydantic import ValidationError
        from qiskit_ibm_runtime.options import SamplerOptions

        for name in self.options.sampler:
            if name in OWN:
                raise UsageError(BadRuntimeOption(option=name, reason=f"it is set by {OWN[name]}"))
        try:
            SamplerOptions().update(**self.options.sampler)
        except ValidationError as error:
            first = error.errors()[0]
            # Between the names of options stand those of classes.
            name = ".".join(str(part) for part in first["loc"] if str(part).islower())
            raise UsageError(BadRuntimeOption(option=name, reason=str(first["msg"]))) from None
