"""What reaches a simulator or a device: takes jobs, gives outcomes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qcompile.executors.measured.service import Placed
from qcompile.services.outcomes import Errors, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one job may hold."""

    bindings: int = 10_000
    shots: int | None = None
    """In total, over all bindings; None: any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """One job: a circuit, its bindings, and how often each is read."""

    placed: Placed
    bindings: NDArray[np.float64]
    """(K, slots), radians."""
    shots: int | None
    """Of each binding; None: exact probabilities."""


class Lost(Exception):
    """A job that the provider knows nothing of any more; it may be submitted again."""


class Provider(ABC):
    """Takes jobs and gives outcomes. Any exception of `submit` and `rows` counts as one try."""

    name: str
    limits: Limits = Limits()
    exact: bool = False
    """Whether it gives exact probabilities."""
    remote: bool = True
    """Whether something may fail that works a moment later."""

    @abstractmethod
    def submit(self, work: JobRequest, tag: str) -> str:
        """Hand in a job under a tag of ours; its id."""

    def find(self, tag: str) -> str | None:
        """The id of a job that was handed in under a tag; None where there is none, or where the
        provider keeps no tags."""
        return None

    @abstractmethod
    def rows(self, job: str, work: JobRequest, timeout: float) -> Sequence[Row | None]:
        """Wait for a job: a row for each binding, None for those that it has none for.

        Raises:
            Lost: There is no such job.
            TimeoutError: It takes longer than `timeout` seconds.
        """

    def read_errors(self, placed: Placed) -> Errors | None:
        """Of the qubits that a circuit reads, as `measured_qubits` orders them; None: unknown."""
        return None
