"""The best candidates compared by a simulation of the device's noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import ClassVar

from qcompile.ir.circuit import Circuit
from qcompile.ir.light_cone import observables
from qcompile.ir.routing import Draft, Routing
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.predict import is_calibrated
from qcompile.passes.device.score import best_drafts
from qcompile.passes.device.simulate import (
    Points,
    drawn_points,
    peak_qubits,
    simulated_errors,
)

NUMBERS = 400_000
"""Of all bindings, that are kept at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge(DevicePass):
    """Simulate the best candidates, and let the simulated error decide between them.

    Values are computed exactly at a few drawn bindings: data between -π/2 and π/2, trained angles
    around zero. Candidates of which too many qubits take part at a time are not simulated; where
    the best predicted one is such, the prediction decides.
    """

    name: ClassVar[str] = "judge"

    best: int = 16
    """Candidates that are simulated, by the predicted error."""

    qubits: int = 8
    """That take part at a time, at most: 4^k numbers are kept for each binding."""

    points: int = 24
    """Bindings, at most."""

    def run(self, routing: Routing, context: Context) -> Routing:
        device, target = routing.device, context.target
        if target.optimise != "fidelity" or not is_calibrated(device):
            return routing
        distinct = dict.fromkeys(
            (draft.gates or (), draft.readout)
            for draft in best_drafts(routing.drafts, len(routing.drafts), device, target)
        )
        sizes = {
            one: peak_qubits(one[0], observables(one[1])) for one in islice(distinct, self.best)
        }
        chosen = [one for one, size in sizes.items() if size <= self.qubits]
        # What was not simulated comes last, which the best must not for being wide.
        if not chosen or chosen[0] != next(iter(distinct)):
            return routing
        peak = max(sizes[one] for one in chosen)
        points = points_for(routing.circuit, peak, self.points)
        mitigated = target.mitigate == "readout"
        errors = simulated_errors(chosen, device, points, mitigated=mitigated)
        found = dict(zip(chosen, errors, strict=True))

        def settled(draft: Draft) -> Draft:
            error = found.get((draft.gates or (), draft.readout))
            return draft if error is None else replace(draft, simulated=error, settled=True)

        return replace(routing, drafts=tuple(map(settled, routing.drafts)))

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:
        if tuple(map(_alone, before.drafts)) != tuple(map(_alone, after.drafts)):
            raise VerificationError("judge changed a candidate")


def points_for(circuit: Circuit, qubits: int, most: int) -> Points:
    """Bindings of a circuit of which so many qubits take part at a time."""
    count = max(1, min(most, NUMBERS // 4**qubits))
    return drawn_points(circuit.data_width, circuit.angle_count, count)


def _alone(draft: Draft) -> Draft:
    return replace(draft, simulated=None, settled=False)
