"""What reaches a simulator or a device: takes jobs, gives outcomes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from qcompile.diagnostics.message import Message
from qcompile.executors.measured.service import Placed
from qcompile.services.outcomes import Errors, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one job may hold."""

    bindings: int = 10_000
    """Of the circuit that is handed in, which may be several copies side by side."""
    shots: int | None = None
    """In total, over all bindings; None: any number."""
    circuit_shots: int | None = None
    """Of one binding; None: any number."""

    def split(self, shots: int | None) -> tuple[int | None, ...]:
        """The shots of one binding as parts that a job can hold, as few and as equal as can be."""
        allowed = [most for most in (self.shots, self.circuit_shots) if most is not None]
        if shots is None or not allowed:
            return (shots,)
        count = ceil(shots / min(allowed))
        return tuple(shots // count + (part < shots % count) for part in range(count))

    def jobs(self, asked: Iterable[tuple[int, int, int | None]]) -> Iterator[tuple[PubSize, ...]]:
        """Several circuits as jobs: one job as long as it holds them, and shots are equal.

        Those that have equal shots stand together, the most shots first.

        Args:
            asked: Of each circuit how many bindings it has, how many copies of it run side by side
                at most, and the shots of each, one of `split`.
        """
        job: list[PubSize] = []
        for circuit, (rows, copies, shots) in sorted(
            enumerate(asked), key=lambda one: -(one[1][2] or 0)
        ):
            left = rows
            while left:
                room = self._room(job, shots)
                if not room:
                    yield tuple(job)
                    job = []
                    continue
                count = min(room * copies, left)
                left -= count
                bindings = ceil(count / copies)
                # As few copies as give as few bindings: the places found first lose least.
                size = PubSize(
                    circuit=circuit,
                    circuits=count,
                    bindings=bindings,
                    copies=ceil(count / bindings),
                    shots=shots,
                )
                job.append(size)
        if job:
            yield tuple(job)

    def _room(self, job: Sequence[PubSize], shots: int | None) -> int:
        """Bindings of so many shots that a job still holds, one at least where it is empty.

        A circuit that is left with some has filled its job, so that no two parts of a job are of
        one circuit.
        """
        if job and job[0].shots != shots:
            return 0
        most = self.bindings
        if self.shots is not None and shots is not None:
            most = min(most, self.shots // shots)
        return max(most, 1) - sum(size.bindings for size in job)


@dataclass(frozen=True, slots=True, kw_only=True)
class PubSize:
    """How many bindings of a circuit a job holds, and how they are arranged."""

    circuit: int
    """Which one of those that were asked for."""
    circuits: int
    bindings: int
    copies: int
    """Side by side under each binding; the last one may have some to spare."""
    shots: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pub:
    """A part of a job: a circuit, its bindings, and how often each is read."""

    copies: tuple[Placed, ...]
    """The same circuit on places without a common qubit, side by side; one in most cases."""
    bindings: NDArray[np.float64]
    """(K, copies, slots), radians."""
    shots: int | None
    """Of each binding, the same in all parts of a job; None: exact probabilities."""


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
    bills_time: bool = False
    """Whether qubits that are idle cost as much as those in use, so that copies are free."""
    takes_runtime_options: bool = False
    """Whether `RuntimeOptions` say how jobs are handed in."""
    about: tuple[object, ...] = ()
    """Settings that results depend on."""

    @abstractmethod
    def submit(self, pubs: Sequence[Pub], tag: str) -> str:
        """Hand in a job under a tag of ours; its id."""

    def find(self, tag: str) -> str | None:
        """The id of a job that was handed in under a tag; None where there is none, or where the
        provider keeps no tags."""
        return None

    @abstractmethod
    def rows(self, job: str, pubs: Sequence[Pub], timeout: float) -> Sequence[Row | None]:
        """Wait for a job: for each part a row for each copy under each binding, those of the first
        binding first; None where it has none.

        Raises:
            Lost: There is no such job.
            TimeoutError: It takes longer than `timeout` seconds.
        """

    def whole_shots(self, shots: int) -> int:
        """The shots of a binding that are read where so many are asked for, which may be more."""
        return shots

    def refusal(self, placed: Placed, shots: int | None) -> Message | None:
        """Why a circuit is not run with so many shots (None: exactly); None: it is."""
        return None

    def close(self) -> None:  # noqa: B027
        """Give back what is held between jobs; a further job takes it again."""

    def remarks(self, circuits: Iterable[Placed]) -> Iterable[Message]:
        """What to say before circuits run here."""
        return ()

    def credentials(self) -> Iterable[str]:
        """Credentials, which are left out of what is told and kept of its words."""
        return ()

    def no_decoupling(self, placed: Placed) -> str:
        """Why pulses cannot be put where the qubits of a circuit wait; empty where they can."""
        return "`decoupling` needs circuits with delays, which are not taken there"

    def read_errors(self, placed: Placed) -> Errors | None:
        """Of the qubits that a circuit reads, as `measured_qubits` orders them; None: unknown."""
        return None
