"""The routing stage: a circuit on a device, the best of several candidates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.devices import (
    CircuitLargerThanDevice,
    DeviceNotSupported,
    NoErrorRates,
    RoutingIncomplete,
    StateNotRouted,
)
from qcompile.ir.circuit import AmplitudeState, Circuit, Expectations, Pauli, Probabilities, Readout
from qcompile.ir.device import Device, RoutedCircuit, RoutingCandidate, gates_of
from qcompile.ir.native_sets import lacking
from qcompile.ir.routing import Draft, Routing, start_routing
from qcompile.ir.target import Objective
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.lexi_route import gates_on
from qcompile.passes.device.native import usable_qubits
from qcompile.passes.device.score import rank, routed_figures


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
    if objective == "fidelity" and not device.gate_errors:
        context.remark(NoErrorRates(device=device.name, span=span))
        objective = "gates"
    try:
        return _best(circuit, device, objective, passes)
    except _Unfinished as error:
        message = RoutingIncomplete(device=device.name, reason=str(error), span=span)
        raise CompileError(message) from None


class _Unfinished(Exception):
    """The passes have left something to do; says what."""


@lru_cache(maxsize=64)
def _best(
    circuit: Circuit, device: Device, objective: Objective, passes: tuple[DevicePass, ...]
) -> Routed:
    """Pure, and asked for the same circuit once for every module of a model."""
    routing = start_routing(circuit, device)
    for step in passes:
        before, routing = routing, step.run(routing, Context(device=device))
        step.ensures(before, routing, Context(device=device))
    _require_finished(routing)
    finished = [(draft, _compact(draft, routing)) for draft in routing.drafts]
    _, best = min(finished, key=lambda pair: rank(pair[1], device, objective))
    candidates = tuple(
        routed_figures(draft.placement, routed, device) for draft, routed in finished
    )
    return Routed(best=best, candidates=candidates)


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
    ends = tuple(number[draft.final[wire]] for wire in routing.wires)
    return RoutedCircuit(
        device=routing.device.name,
        circuit=Circuit(
            qubits=len(physical),
            data_width=circuit.data_width,
            angle_count=circuit.angle_count,
            initial=circuit.initial,
            gates=gates_on(gates, number),
            readout=_moved(circuit.readout, ends),
        ),
        physical=physical,
        initial=tuple(number[qubit] for qubit in draft.initial),
        final=ends,
    )


def _moved(readout: Readout, place: tuple[int, ...]) -> Readout:
    match readout:
        case Expectations(paulis=paulis):
            return Expectations(
                paulis=tuple(
                    Pauli(
                        letters=tuple(sorted((place[q], letter) for q, letter in pauli.letters)),
                        sign=pauli.sign,
                    )
                    for pauli in paulis
                )
            )
        case Probabilities(qubits=qubits):
            return Probabilities(qubits=tuple(place[qubit] for qubit in qubits))
