"""Parities that cost more to read than to make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.ir.circuit import Expectations, Gate
from qcompile.ir.circuit_analysis import is_z_string
from qcompile.ir.device import Device
from qcompile.ir.heisenberg import conjugate_pauli
from qcompile.ir.routing import Draft, Routing
from qcompile.ir.target import Target
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.lexi_route import ensure_coupled
from qcompile.passes.device.predict import is_calibrated, predicted_error, rates_of
from qcompile.passes.device.score import best_drafts


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreParities(DevicePass):
    """Append `cx` to the best candidates where that makes the predicted error smaller.

    A parity of many qubits suffers from the errors of reading each of them. A `cx` on a coupling
    takes one qubit out of all parities that hold both of its qubits. Where errors of reading are
    undone, or small beside those of gates, nothing is appended. Each candidate that gains is added.
    """

    name: ClassVar[str] = "restore-parities"

    best: int = 4
    """Candidates that are tried."""

    def run(self, routing: Routing, context: Context) -> Routing:
        device, target = routing.device, context.target
        if target.optimise != "fidelity" or not is_calibrated(device):
            return routing
        added = []
        for draft in best_drafts(routing.drafts, self.best, device, target):
            appended = _restored(draft, routing, target)
            if appended is not None:
                added.append(appended)
        return replace(routing, drafts=routing.drafts + tuple(added))

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:
        ensure_coupled(after)
        if after.drafts[: len(before.drafts)] != before.drafts:
            raise VerificationError("restore-parities changed a candidate")


def _restored(draft: Draft, routing: Routing, target: Target) -> Draft | None:
    readout, device = draft.readout, routing.device
    if not isinstance(readout, Expectations) or not all(map(is_z_string, readout.paulis)):
        return None
    gates = draft.gates or ()
    couplings = _couplings(draft, device)
    appended: list[Gate] = []
    error = _error(gates, readout, device, target)
    while True:
        offers = []
        for pair in couplings:
            if _lighter(readout, *pair, device) > 0.0:
                gate = Gate(name="cx", qubits=pair)
                paulis = tuple(conjugate_pauli(pauli, gate) for pauli in readout.paulis)
                found = Expectations(paulis=paulis)
                longer = (*gates, gate)
                offers.append((_error(longer, found, device, target), pair, found, longer))
        if not offers:
            break
        least, pair, found, longer = min(offers, key=lambda offer: offer[:2])
        if least >= error:
            break
        error, readout, gates = least, found, longer
        appended.append(Gate(name="cx", qubits=pair))
    if not appended:
        return None
    return replace(
        draft,
        placement=f"{draft.placement}, {len(appended)} parities restored",
        gates=(*(draft.gates or ()), *appended),
        restored=readout,
    )


def _couplings(draft: Draft, device: Device) -> tuple[tuple[int, int], ...]:
    """Of the qubits in use, in both directions."""
    used = {qubit for gate in draft.gates or () for qubit in gate.qubits}
    used.update(draft.final)
    inside = [edge for edge in device.edges if set(edge) <= used & set(draft.field)]
    return tuple(inside + [edge[::-1] for edge in inside])


def _lighter(readout: Expectations, control: int, target: int, device: Device) -> float:
    """By how much errors of reading `control` shrink when a `cx` is appended."""
    cost = rates_of(device).reading[control]
    total = 0.0
    for pauli in readout.paulis:
        qubits = {qubit for qubit, _ in pauli.letters}
        if target in qubits:
            total += cost if control in qubits else -cost
    return total


def _error(gates: tuple[Gate, ...], readout: Expectations, device: Device, target: Target) -> float:
    return predicted_error(gates, readout, device, mitigated=target.mitigate == "readout")
