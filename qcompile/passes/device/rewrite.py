"""Passes of the routing stage that rewrite gates, before and after places are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.ir.circuit import Expectations, Probabilities
from qcompile.ir.device import gates_of
from qcompile.ir.routing import Draft, Routing
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.native_gates import normal_form, to_native
from qcompile.passes.device.on_device import on_device
from qcompile.passes.device.swaps import absorb_swaps


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsorbSwaps(DevicePass):
    """Drop swaps by renaming wires: the read-out follows."""

    name: ClassVar[str] = "absorb-swaps"

    def run(self, routing: Routing, context: Context) -> Routing:
        kept, ends = absorb_swaps(routing.gates, routing.circuit.qubits)
        wires = tuple(ends[wire] for wire in routing.wires)
        return replace(routing, gates=kept, wires=wires)

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:
        if any(gate.name == "swap" for gate in after.gates):
            raise VerificationError("absorb-swaps left a swap")
        if sorted(after.wires) != list(range(before.circuit.qubits)):
            raise VerificationError("absorb-swaps lost a wire")


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeGates(DevicePass):
    """Write routed gates in those of the device, before that in rz, sx, x and cz, cx or rzz."""

    name: ClassVar[str] = "native-gates"

    def run(self, routing: Routing, context: Context) -> Routing:
        form = normal_form(routing.device)
        gates = to_native(routing.gates, routing.circuit.qubits, form.entangler, rzz=form.rzz)
        drafts = tuple(self._draft(draft, routing) for draft in routing.drafts)
        return replace(routing, gates=gates, drafts=drafts)

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:
        form = normal_form(after.device)
        allowed = {"rz", "sx", "x", form.entangler, *(["rzz"] if form.rzz != "none" else [])}
        foreign = {gate.name for gate in after.gates} - allowed
        if foreign:
            raise VerificationError(f"native-gates left {', '.join(sorted(foreign))}")
        native = gates_of(after.device)
        for draft in after.drafts:
            for gate in draft.gates or ():
                if (gate.name, gate.qubits) not in native:
                    places = ", ".join(map(str, gate.qubits))
                    raise VerificationError(f"native-gates left {gate.name} on {places}")

    def _draft(self, draft: Draft, routing: Routing) -> Draft:
        if draft.gates is None:
            return draft
        seen: set[int] = set()
        match routing.circuit.readout:
            case Expectations(paulis=paulis):
                letters = (pair for pauli in paulis for pair in pauli.letters)
                seen = {draft.final[routing.wires[q]] for q, letter in letters if letter != "Z"}
            case Probabilities():
                pass
        unturned = set(range(routing.device.qubits)) - seen
        return replace(draft, gates=on_device(draft.gates, routing.device, unturned))
