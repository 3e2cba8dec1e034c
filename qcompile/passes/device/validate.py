"""The simulated error of the best candidates, of any size that can be simulated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from typing import ClassVar

from qcompile.ir.circuit import Gate, Readout
from qcompile.ir.device import Device
from qcompile.ir.light_cone import observables
from qcompile.ir.routing import Draft, Routing
from qcompile.ir.target import Target
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.judge import points_for
from qcompile.passes.device.predict import is_calibrated
from qcompile.passes.device.score import best_drafts
from qcompile.passes.device.simulate import drawn_points, peak_qubits, simulated_errors
from qcompile.passes.device.trajectories import is_installed, sampled_error

EXACT = 8
"""Qubits that take part at a time up to which values are computed exactly."""

SAMPLED = 20
"""Qubits in use up to which they are sampled."""

Written = tuple[tuple[Gate, ...], Readout]


@dataclass(frozen=True, slots=True, kw_only=True)
class Validate(DevicePass):
    """Simulate the device's noise for the best candidates, exactly or, of many qubits, by samples.

    Bindings are drawn as for `judge`; those of sampled circuits are three.
    """

    name: ClassVar[str] = "validate"

    best: int = 16
    """Candidates that are simulated exactly."""

    sampled: int = 4
    """Candidates that are sampled."""

    points: int = 24
    """Bindings of the former, at most."""

    choose: bool = False
    """The least simulated error wins, whatever the target's objective; else figures only."""

    def run(self, routing: Routing, context: Context) -> Routing:
        device, target = routing.device, context.target
        if not is_calibrated(device):
            return routing
        ranked = best_drafts(routing.drafts, len(routing.drafts), device, target)
        distinct = tuple(dict.fromkeys((draft.gates or (), draft.readout) for draft in ranked))
        # Exact errors and sampled ones do not mix, and what was not simulated comes last: the best
        # candidate says which way all go.
        if distinct and _peak(distinct[0]) <= EXACT:
            narrow = [one for one in islice(distinct, self.best) if _peak(one) <= EXACT]
            found = self._exact(narrow, routing, target)
        elif distinct and _width(distinct[0]) <= SAMPLED and is_installed():
            wide = [one for one in islice(distinct, self.sampled) if _width(one) <= SAMPLED]
            found = self._sampled(wide, routing, target)
        else:
            return routing

        def simulated(draft: Draft) -> Draft:
            error = found.get((draft.gates or (), draft.readout))
            if error is None:
                return replace(draft, settled=False) if self.choose else draft
            return replace(draft, simulated=error, settled=self.choose or draft.settled)

        return replace(routing, drafts=tuple(map(simulated, routing.drafts)))

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:
        if tuple(map(_alone, before.drafts)) != tuple(map(_alone, after.drafts)):
            raise VerificationError("validate changed a candidate")

    def _exact(
        self, chosen: list[Written], routing: Routing, target: Target
    ) -> dict[Written, float]:
        points = points_for(routing.circuit, max(map(_peak, chosen)), self.points)
        mitigated = target.mitigate == "readout"
        errors = simulated_errors(chosen, routing.device, points, mitigated=mitigated)
        return dict(zip(chosen, errors, strict=True))

    def _sampled(
        self, chosen: Iterable[Written], routing: Routing, target: Target
    ) -> dict[Written, float]:
        circuit, mitigated = routing.circuit, target.mitigate == "readout"
        points = drawn_points(circuit.data_width, circuit.angle_count, 3)
        return {
            one: sampled_error(*one, routing.device, points, mitigated=mitigated) for one in chosen
        }


def why_not(device: Device) -> str:
    """Why nothing was simulated."""
    if not is_calibrated(device):
        return "nothing is known of its errors"
    if not is_installed():
        return f"more than {EXACT} qubits take qiskit-aer (`pip install 'qcompile[hardware]'`)"
    return f"more than {SAMPLED} qubits are in use"


def _peak(one: Written) -> int:
    return peak_qubits(one[0], observables(one[1]))


def _width(one: Written) -> int:
    gates, readout = one
    used = {qubit for gate in gates for qubit in gate.qubits}
    return len(used | {q for pauli in observables(readout) for q, _ in pauli.letters})


def _alone(draft: Draft) -> Draft:
    return replace(draft, simulated=None, settled=False)
