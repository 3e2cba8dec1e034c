"""The routing stage: a circuit on a device, the best of several candidates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.devices import (
    CircuitLargerThanDevice,
    DeviceNotSupported,
    NoErrorRates,
    NotSimulated,
    RoutingIncomplete,
    StateNotRouted,
)
from qcompile.ir.circuit import AmplitudeState, Circuit
from qcompile.ir.device import RoutedCircuit, RoutingCandidate, gates_of
from qcompile.ir.native_sets import lacking
from qcompile.ir.routing import Draft, Routing, moved, start_routing
from qcompile.ir.target import Target
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.lexi_route import gates_on
from qcompile.passes.device.native import usable_qubits
from qcompile.passes.device.predict import is_calibrated
from qcompile.passes.device.score import best_drafts, routed_figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """What the stage made of a circuit."""

    best: RoutedCircuit
    candidates: tuple[RoutingCandidate, ...]


def route(circuit: Circuit, passes: tuple[DevicePass, ...], context: Context) -> Routed | None:
    """Write a circuit in native gates on couplings of `context.device`.

    Angles stay affine; a global phase is dropped. None, with
    a remark, for a circuit whose initial state has no gates.

    Raises:
        CompileError: QA4203, QA4205 where the circuit does not fit or the device lacks gates;
            QA4212 where `passes` leave something to do.
    """
    device, span = context.device, context.target.place("device")
    assert device is not None
    if isinstance(circuit.initial, AmplitudeState):
        context.remark(StateNotRouted(device=device.name, span=span))
        return None
    usable = len(usable_qubits(device))
    if circuit.qubits > usable:
        raise CompileError(
            CircuitLargerThanDevice(
                qubits=circuit.qubits, device=device.name, usable=usable, span=span
            )
        )
    missing = lacking(device.native, device.qubits)
    if missing is not None:
        raise CompileError(
            DeviceNotSupported(name=device.name, gates=device.native, lacks=missing, span=span)
        )
    objective = context.target.optimise
    if objective == "fidelity" and not is_calibrated(device):
        if context.target.is_written("optimise"):
            context.remark(NoErrorRates(device=device.name, span=span))
        objective = "gates"
    target = Target(name="", optimise=objective, mitigate=context.target.mitigate)
    try:
        found = _best(circuit, Context(device=device, target=target), passes)
    except _Unfinished as error:
        message = RoutingIncomplete(device=device.name, reason=str(error), span=span)
        raise CompileError(message) from None
    simulated = (candidate.simulated for candidate in found.candidates)
    if context.validate != "none" and all(error is None for error in simulated):
        from qcompile.passes.device.validate import why_not

        context.remark(NotSimulated(device=device.name, reason=why_not(device), span=span))
    return found


class _Unfinished(Exception):
    """The passes have left something to do; says what."""


@lru_cache(maxsize=64)
def _best(circuit: Circuit, context: Context, passes: tuple[DevicePass, ...]) -> Routed:
    """Pure, and asked for the same circuit once for every module of a model.

    `context` has the device and, of the target, what routing depends on.
    """
    device, target = context.device, context.target
    assert device is not None
    routing = start_routing(circuit, device)
    for step in passes:
        before, routing = routing, step.run(routing, context)
        step.ensures(before, routing, context)
    _require_finished(routing)
    (best,) = best_drafts(routing.drafts, 1, device, target)
    candidates = tuple(routed_figures(draft, device, target) for draft in routing.drafts)
    return Routed(best=_compact(best, routing), candidates=candidates)


def _require_finished(routing: Routing) -> None:
    if not routing.drafts:
        raise _Unfinished("no pass has placed the qubits")
    for draft in routing.drafts:
        if draft.gates is None:
            raise _Unfinished("no pass has routed the gates")
        for gate in draft.gates:
            if (gate.name, gate.qubits) not in gates_of(routing.device):
                where = " and ".join(map(str, gate.qubits))
                raise _Unfinished(f"`{gate.name}` on {where} is not one of its gates")


def _compact(draft: Draft, routing: Routing) -> RoutedCircuit:
    """Renumber the physical qubits in use, and read where the logical qubits end."""
    gates, circuit = draft.gates or (), routing.circuit
    used = {*draft.initial, *draft.final, *(qubit for gate in gates for qubit in gate.qubits)}
    physical = tuple(sorted(used))
    number = {qubit: index for index, qubit in enumerate(physical)}
    places = tuple(number.get(qubit, -1) for qubit in range(routing.device.qubits))
    return RoutedCircuit(
        device=routing.device.name,
        circuit=Circuit(
            qubits=len(physical),
            data_width=circuit.data_width,
            angle_count=circuit.angle_count,
            initial=circuit.initial,
            gates=gates_on(gates, number),
            readout=moved(draft.readout, places),
        ),
        physical=physical,
        initial=tuple(number[qubit] for qubit in draft.initial),
        final=tuple(number[draft.final[wire]] for wire in draft.variant.wires),
    )
