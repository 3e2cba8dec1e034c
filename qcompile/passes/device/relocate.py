"""Routed circuits moved to better qubits of the same shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, ClassVar

from qcompile.ir.circuit import Gate
from qcompile.ir.device import Device
from qcompile.ir.light_cone import observables
from qcompile.ir.routing import Draft, Routing, moved
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.equal_shapes import equal_shapes
from qcompile.passes.device.lexi_route import ensure_coupled, gates_on
from qcompile.passes.device.native import usable_qubits
from qcompile.passes.device.predict import UNDONE, is_calibrated, rates_of, waiting_times
from qcompile.passes.device.score import best_drafts, error_of

CLOSE = 16
"""Places with the smallest sums of losses, among which the predicted error decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relocate(DevicePass):
    """Try the best candidates on all places of the device where their couplings exist.

    Places are compared by the sum of what gates, waiting and reading lose there, the most promising
    ones by the predicted error. Each candidate that gains is added with its new place.
    """

    name: ClassVar[str] = "relocate"

    best: int = 4
    """Candidates that are moved."""

    places: int = 5000
    """Of each candidate, at most."""

    keep: int = 1
    """Of the places of each candidate, by the predicted error."""

    def run(self, routing: Routing, context: Context) -> Routing:
        device, target = routing.device, context.target
        if not is_calibrated(device):
            return routing
        added = []
        distinct: dict[tuple[Gate, ...], Draft] = {}
        for draft in best_drafts(routing.drafts, len(routing.drafts), device, target):
            distinct.setdefault(_renumbered(draft), draft)
        for draft in islice(distinct.values(), self.best):
            found = [_moved(draft, place, device) for place in self._places(draft, context)]
            errors = {moved: error_of(moved, device, target) for moved in found}
            # Sorting is stable: of equals the first place wins.
            kept = sorted(errors, key=errors.__getitem__)[: self.keep]
            if kept and errors[kept[0]] < error_of(draft, device, target):
                added += kept
        return replace(routing, drafts=routing.drafts + tuple(added))

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:
        ensure_coupled(after)

    def _places(self, draft: Draft, context: Context) -> Iterator[dict[int, int]]:
        """The most promising ones, each from the qubits in use to others."""
        import numpy as np

        device = context.device
        assert device is not None
        shape = _Shape(draft, device, mitigated=context.target.mitigate == "readout")
        rows = [
            tuple(place[qubit] for qubit in shape.coupled)
            for place in islice(equal_shapes(shape.pairs, device), self.places)
        ]
        if not rows:
            return
        losses = shape.losses(np.array(rows))
        for index in np.argsort(losses, kind="stable")[:CLOSE]:
            place = dict(zip(shape.coupled, rows[index], strict=True))
            yield shape.with_single_qubits(place)


def _renumbered(draft: Draft) -> tuple[Gate, ...]:
    """The gates on qubits in the order of their appearance, equal for equal shapes."""
    number: dict[int, int] = {}
    for gate in draft.gates or ():
        for qubit in gate.qubits:
            number.setdefault(qubit, len(number))
    return gates_on(draft.gates or (), number)


class _Shape:
    """The couplings and qubits that a routed circuit uses, and how often."""

    def __init__(self, draft: Draft, device: Device, *, mitigated: bool) -> None:
        self.rates = rates_of(device)
        self.device = device
        gates = draft.gates or ()
        self.pairs = Counter(
            (min(gate.qubits), max(gate.qubits)) for gate in gates if len(gate.qubits) == 2
        )
        self.turns = Counter(
            gate.qubits[0] for gate in gates if len(gate.qubits) == 1 and gate.name != "rz"
        )
        self.readings = Counter(
            qubit for string in observables(draft.readout) for qubit, _ in string.letters
        )
        self.mitigated = mitigated
        self.waits = waiting_times(gates, device)
        self.coupled = tuple(sorted({qubit for pair in self.pairs for qubit in pair}))
        used = {*draft.initial, *draft.final, *self.turns, *self.readings}
        self.single = tuple(sorted(used - set(self.coupled)))

    def losses(self, rows: Any) -> Any:
        """(places,) of places (places, coupled qubits)."""
        import numpy as np

        count = self.device.qubits
        links = np.zeros((count, count))
        for (a, b), (loss, _) in self.rates.pairs.items():
            links[a, b] = links[b, a] = loss
        column = {qubit: index for index, qubit in enumerate(self.coupled)}
        total = np.zeros(len(rows))
        for (a, b), times in self.pairs.items():
            total += times * links[rows[:, column[a]], rows[:, column[b]]]
        for qubit, index in column.items():
            total += self._alone(qubit)[rows[:, index]]
        return total

    def with_single_qubits(self, place: dict[int, int]) -> dict[int, int]:
        """The qubits without couplings go to the best places that are left."""
        result, taken = dict(place), set(place.values())
        for qubit in self.single:
            costs = self._alone(qubit)
            free = (node for node in usable_qubits(self.device) if node not in taken)
            result[qubit] = min(free, key=lambda node: (float(costs[node]), node))
            taken.add(result[qubit])
        return result

    def _alone(self, qubit: int) -> Any:
        """What turning, waiting and reading cost a qubit, on each of the device's."""
        import numpy as np

        turn = np.array([self.rates.turns.get(qubit, 0.0) for qubit in range(self.device.qubits)])
        wait = np.array(self.rates.waiting) * self.waits.get(qubit, 0.0)
        read = np.array(self.rates.reading) * self.readings[qubit]
        if self.mitigated:
            read *= UNDONE
        return self.turns[qubit] * turn + wait + read


def _moved(draft: Draft, place: dict[int, int], device: Device) -> Draft:
    assert draft.gates is not None
    table = tuple(place.get(qubit, -1) for qubit in range(device.qubits))
    return replace(
        draft,
        placement=f"{draft.placement}, moved",
        field=usable_qubits(device),
        initial=tuple(place[qubit] for qubit in draft.initial),
        final=tuple(place[qubit] for qubit in draft.final),
        gates=gates_on(draft.gates, place),
        restored=None if draft.restored is None else moved(draft.restored, table),
    )
