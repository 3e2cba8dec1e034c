"""What is read for a value: runs of circuits, of which the value is a weighted sum."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from qcompile.executors.measured.service import Placed
from qcompile.ir.circuit import Circuit
from qcompile.ir.device import Device
from qcompile.services.provider import Provider
from qcompile.services.twirl import TWIRLS, not_twirled, twirled
from qcompile.services.zne import FACTORS, amplified, not_foldable


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
        more = ("decoupling",) if self.placed.decoupled else ()
        return (self.shots, self.repeat, *more) if self.repeat else (self.shots, *more)


def samplings(
    placed: Placed, shots: int | None, provider: Provider, mitigation: Collection[str] = ()
) -> tuple[Sampling, ...]:
    """The samplings of a circuit.

    Values are linear in relative frequencies, so that weights add up the counts of more shots than
    a job holds, average over twirls and extrapolate to no noise.

    Args:
        placed: What is asked for.
        shots: Of each value, of each of the circuits of `zne`; None: exact.
        provider: Whose jobs hold so many shots, and read them in whole numbers of its own.
        mitigation: `zne`, `twirling` and `decoupling` count here.
    """
    placed = replace(placed, decoupled="decoupling" in mitigation)
    circuits = [(placed.circuit, shots, 1.0)]
    if "zne" in mitigation:
        circuits = [(amplified(placed.circuit, factor), shots, share) for factor, share in FACTORS]
    if "twirling" in mitigation:
        circuits = [one for circuit, _, share in circuits for one in _twirls(circuit, shots, share)]
    found: list[Sampling] = []
    for circuit, asked, share in circuits:
        parts = [
            None if part is None else provider.whole_shots(part)
            for part in provider.limits.split(asked)
        ]
        total = sum(part or 0 for part in parts)
        for part in parts:
            weight = share if len(parts) == 1 else share * (part or 0) / total
            run = replace(placed, circuit=circuit)
            found.append(Sampling(placed=run, shots=part, weight=weight, repeat=len(found)))
    return tuple(found)


def _twirls(
    circuit: Circuit, shots: int | None, share: float
) -> Iterator[tuple[Circuit, int | None, float]]:
    count = TWIRLS if shots is None else min(TWIRLS, shots)
    for number in range(count):
        own = None if shots is None else shots // count + (number < shots % count)
        yield (
            twirled(circuit, number),
            own,
            share * (1 / count if not own or not shots else own / shots),
        )


def mitigation_defect(placed: Placed, device: Device | None, mitigation: Collection[str]) -> str:
    """Why a circuit cannot be mitigated so; empty where it can."""
    wanted = [name for name in ("zne", "twirling") if name in mitigation]
    if not wanted:
        return ""
    if device is None or placed.physical is None:
        return f"`{wanted[0]}` needs a circuit that was routed for a device"
    gate = not_foldable(placed.circuit, device) if "zne" in wanted else None
    if gate is not None:
        return f"`zne` needs the inverse of {gate}"
    gate = not_twirled(placed.circuit) if "twirling" in wanted else None
    return "" if gate is None else f"`twirling` takes rz, sx, x, cz, cx and ecr, and here is {gate}"
