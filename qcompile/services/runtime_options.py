"""How jobs are handed to IBM Quantum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Mode = Literal["job", "batch", "session"]
MODES: tuple[Mode, ...] = ("job", "batch", "session")

OWN = {
    "default_shots": "`shots`",
    "dynamical_decoupling": '`mitigate="decoupling"`',
    "max_execution_time": "`max_seconds`",
}
"""Options of the sampler that are set here, and by what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeOptions:
    """See `CompiledAdapter.on`."""

    mode: Mode = "job"
    """Each job for itself; all in one `batch`, which IBM schedules together; or a `session`, in
    which the device is held for them, and paid for while it waits."""
    max_seconds: int | None = None
    """Of the device's time that a job may take: IBM ends it then; None: IBM's own limit."""
    sampler: Mapping[str, Any] = field(default_factory=dict)
    """Further options of IBM's SamplerV2, such as `{"twirling": {"enable_measure": True}}`."""


JOBS = RuntimeOptions()
