"""Passes of the routing stage that rewrite gates, before and after places are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.ir.circuit import Expectations, Gate
from qcompile.ir.device import Device, gates_of
from qcompile.ir.routing import Draft, Routing, Variant, moved
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.native_gates import normal_form, to_native
from qcompile.passes.device.on_device import on_device
from qcompile.passes.device.swaps import absorb_swaps, pairs_left


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsorbSwaps(DevicePass):
    """Drop swaps by renaming wires: the read-out follows."""

    name: ClassVar[str] = "absorb-swaps"

    def run(self, routing: Routing, context: Context) -> Routing:
        variants = tuple(_without_swaps(v, routing.circuit.qubits) for v in routing.variants)
        return replace(routing, variants=variants)

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:
        for variant in after.variants:
            if any(gate.name == "swap" for gate in variant.gates):
                raise VerificationError("absorb-swaps left a swap")
            if sorted(variant.wires) != list(range(before.circuit.qubits)):
                raise VerificationError("absorb-swaps lost a wire")


def _without_swaps(variant: Variant, qubits: int) -> Variant:
    kept, ends = absorb_swaps(variant.gates, qubits)
    return replace(
        variant,
        gates=kept,
        wires=tuple(ends[wire] for wire in variant.wires),
        readout=moved(variant.readout, ends),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveToVacant(DevicePass):
    """Write each swap with a qubit that holds no wire, and so is |0⟩, as two `cx` instead of three.

    The first of three would have the vacant qubit as control. A swap of two vacant qubits goes.
    """

    name: ClassVar[str] = "move-to-vacant"

    def run(self, routing: Routing, context: Context) -> Routing:
        drafts = tuple(with_moves(draft) for draft in routing.drafts)
        return replace(routing, drafts=drafts)

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:
        for old, new in zip(before.drafts, after.drafts, strict=True):
            if pairs_left(new.gates or ()) > pairs_left(old.gates or ()):
                raise VerificationError("move-to-vacant added two-qubit gates")


def with_moves(draft: Draft) -> Draft:
    """The draft with cheaper swaps where one of the qubits is vacant."""
    if draft.gates is None:
        return draft
    held = set(draft.initial)
    gates: list[Gate] = []
    for gate in draft.gates:
        if gate.name != "swap" or held.issuperset(gate.qubits):
            gates.append(gate)
            continue
        for source in held.intersection(gate.qubits):
            (vacant,) = set(gate.qubits) - {source}
            gates.append(Gate(name="cx", qubits=(source, vacant)))
            gates.append(Gate(name="cx", qubits=(vacant, source)))
            held ^= set(gate.qubits)
    return replace(draft, gates=tuple(gates))


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeGates(DevicePass):
    """Write routed gates in those of the device, before that in rz, sx, x and cz, cx or rzz."""

    name: ClassVar[str] = "native-gates"

    def run(self, routing: Routing, context: Context) -> Routing:
        form = normal_form(routing.device)
        qubits = routing.circuit.qubits
        variants = tuple(
            replace(v, gates=to_native(v.gates, qubits, form.entangler, rzz=form.rzz))
            for v in routing.variants
        )
        drafts = tuple(self._draft(draft, routing) for draft in routing.drafts)
        return replace(routing, variants=variants, drafts=drafts)

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:
        form = normal_form(after.device)
        allowed = {"rz", "sx", "x", form.entangler, *(["rzz"] if form.rzz != "none" else [])}
        foreign = {gate.name for variant in after.variants for gate in variant.gates} - allowed
        if foreign:
            raise VerificationError(f"native-gates left {', '.join(sorted(foreign))}")
        native = gates_of(after.device)
        for draft in after.drafts:
            for gate in draft.gates or ():
                if (gate.name, gate.qubits) not in native:
                    places = ", ".join(map(str, gate.qubits))
                    raise VerificationError(f"native-gates left {gate.name} on {places}")

    def _draft(self, draft: Draft, routing: Routing) -> Draft:
        if draft.gates is None or _is_native(draft.gates, routing.device):
            return draft
        readout, seen = draft.readout, set[int]()
        if isinstance(readout, Expectations):
            letters = (pair for pauli in readout.paulis for pair in pauli.letters)
            seen = {qubit for qubit, letter in letters if letter != "Z"}
        unturned = set(range(routing.device.qubits)) - seen
        return replace(draft, gates=on_device(draft.gates, routing.device, unturned))


def _is_native(gates: tuple[Gate, ...], device: Device) -> bool:
    """Whether they are sure to be; gates with bounded angles may not be."""
    known = gates_of(device)
    return not device.angle_bounds and all((gate.name, gate.qubits) in known for gate in gates)
