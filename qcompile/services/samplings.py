"""What is read for a value: runs of circuits, of which the value is a weighted sum."""

from __future__ import annotations

from dataclasses import dataclass

from qcompile.executors.measured.service import Placed
from qcompile.services.provider import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """A circuit that is run at every binding, and what its values count."""

    placed: Placed
    shots: int | None
    """None: exact values."""
    weight: float
    repeat: int = 0
    """Which one it is of equal circuits with equal shots."""

    @property
    def about(self) -> tuple[object, ...]:
        """What its results belong to, besides the service and the place."""
        return (self.shots, self.repeat) if self.repeat else (self.shots,)


def samplings(placed: Placed, shots: int | None, limits: Limits) -> tuple[Sampling, ...]:
    """The samplings of a circuit.

    More shots than a job holds are read in several jobs; their counts are added up by weights,
    since values are linear in relative frequencies.
    """
    found = []
    for number, part in enumerate(limits.split(shots)):
        weight = 1.0 if part == shots else (part or 0) / (shots or 1)
        found.append(Sampling(placed=placed, shots=part, weight=weight, repeat=number))
    return tuple(found)
