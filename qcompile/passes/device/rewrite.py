"""Passes of the routing stage that rewrite gates, before and after places are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.ir.routing import Draft, Routing
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.native_gates import to_native
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
    """Write all gates in rz, sx, x and the device's entangler; angles stay affine."""

    name: ClassVar[str] = "native-gates"

    def run(self, routing: Routing, context: Context) -> Routing:
        qubits, entangler = routing.circuit.qubits, routing.entangler
        drafts = tuple(self._draft(draft, routing) for draft in routing.drafts)
        return replace(routing, gates=to_native(routing.gates, qubits, entangler), drafts=drafts)

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:
        allowed = {"rz", "sx", "x", after.entangler}
        for gates in (after.gates, *(draft.gates or () for draft in after.drafts)):
            foreign = {gate.name for gate in gates} - allowed
            if foreign:
                raise VerificationError(f"native-gates left {', '.join(sorted(foreign))}")

    def _draft(self, draft: Draft, routing: Routing) -> Draft:
        if draft.gates is None:
            return draft
        gates = to_native(draft.gates, routing.device.qubits, routing.entangler)
        return replace(draft, gates=gates)
