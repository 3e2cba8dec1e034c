"""The best candidates compared by a simulation of the device's noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.ir.light_cone import observables
from qcompile.ir.routing import Draft, Routing
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.predict import is_calibrated
from qcompile.passes.device.score import best_drafts
from qcompile.passes.device.simulate import drawn_points, peak_qubits, simulated_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge(DevicePass):
    """Simulate the best candidates, and let the simulated error decide between them.

    Values are computed exactly at a few drawn bindings: data between -π/2 and π/2, trained angles
    around zero. Candidates of which too many qubits take part at a time are not simulated; where
    the best predicted one is such, the prediction decides.
    """

    name: ClassVar[str] = "judge"

    best: int = 8
    """Candidates that are simulated, by the predicted error."""

    qubits: int = 6
    """That take part at a time, at most: 4^k numbers are kept for each binding."""

    points: int = 24
    """Bindings."""

    def run(self, routing: Routing, context: Context) -> Routing:
        device, target = routing.device, context.target
        if target.optimise != "fidelity" or not is_calibrated(device):
            return routing
        ranked = best_drafts(routing.drafts, self.best, device, target)
        chosen = [
            draft
            for draft in ranked
            if peak_qubits(draft.gates or (), observables(draft.readout)) <= self.qubits
        ]
        # What was not simulated comes last, which the best must not for being wide.
        if not chosen or chosen[0] is not ranked[0]:
            return routing
        circuit = routing.circuit
        points = drawn_points(circuit.data_width, circuit.angle_count, self.points)
        errors = simulated_errors(
            [(draft.gates or (), draft.readout) for draft in chosen],
            device,
            points,
            mitigated=target.mitigate == "readout",
        )
        settled = {
            draft: replace(draft, simulated=error, settled=True)
            for draft, error in zip(chosen, errors, strict=True)
        }
        return replace(routing, drafts=tuple(settled.get(d, d) for d in routing.drafts))

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:
        if tuple(map(_alone, before.drafts)) != tuple(map(_alone, after.drafts)):
            raise VerificationError("judge changed a candidate")


def _alone(draft: Draft) -> Draft:
    return replace(draft, simulated=None, settled=False)
