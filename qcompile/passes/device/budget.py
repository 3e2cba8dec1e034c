"""Routing with less work: a count of searches, never a clock."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qcompile.passes.base import DevicePass
from qcompile.passes.device.judge import Judge
from qcompile.passes.device.native import SHARES
from qcompile.passes.device.place import PlaceQubits
from qcompile.passes.device.relocate import Relocate
from qcompile.passes.device.restore_parities import RestoreParities
from qcompile.passes.device.resynthesise import Resynthesise
from qcompile.passes.device.sabre import Sabre
from qcompile.passes.device.transpile import Transpile


@dataclass(frozen=True, slots=True)
class _Work:
    """The searches of a pass: an option of it times how often it counts."""

    step: DevicePass
    option: str
    times: int

    @property
    def searches(self) -> int:
        count: int = getattr(self.step, self.option)
        return count * self.times

    def within(self, budget: int) -> DevicePass | None:
        """The pass with less to do; None where not even once fits."""
        count = min(getattr(self.step, self.option), budget // self.times)
        return replace(self.step, **{self.option: count}) if count else None  # type: ignore[type-var]


def within_budget(steps: tuple[DevicePass, ...], budget: int) -> tuple[DevicePass, ...]:
    """The steps with at most `budget` searches of a circuit between them.

    A search is a placing, a run of SABRE or of Qiskit's transpiler, a candidate that is moved,
    whose parities are restored, or that is simulated. All have less in the same proportion, and
    what has none left is dropped; one placing of the circuit as written stays.
    """
    variants = 2 if any(isinstance(step, Resynthesise) for step in steps) else 1
    if variants > budget:
        single = (step for step in steps if not isinstance(step, Resynthesise))
        return within_budget(tuple(single), budget)
    works = [_work(step, variants) for step in steps]
    others = sum(work.searches for work in works if work is not None)
    if others <= budget:
        return steps
    less: dict[int, DevicePass | None] = {}
    # Placing first, since nothing goes without it; then each has its share of what is left.
    order = sorted(range(len(steps)), key=lambda at: not isinstance(steps[at], PlaceQubits))
    for at in order:
        work = works[at]
        if work is None:
            continue
        share = budget * work.searches // others
        others -= work.searches
        if isinstance(work.step, PlaceQubits):
            share = min(budget, max(share, work.times))
        less[at] = found = work.within(share)
        if found is not None:
            budget -= replace(work, step=found).searches
    kept = (less.get(at, step) for at, step in enumerate(steps))
    return tuple(step for step in kept if step is not None)


def _work(step: DevicePass, variants: int) -> _Work | None:
    match step:
        case PlaceQubits():
            return _Work(step, "searches", variants)
        case Sabre() | Transpile():
            return _Work(step, "seeds", variants * len(SHARES))
        case Relocate() | RestoreParities() | Judge():
            return _Work(step, "best", 1)
        case _:
            return None
