"""Native circuits as schedules: where qubits wait stand delays, or pulses that decouple them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qcompile.executors.measured.service import Placed
from qcompile.ir.device import VIRTUAL, Device, gates_of

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

PULSE = "x"
"""Two of them, in a wait of a quarter, a half and a quarter (the sequence XX), turn what a slow
field adds in one half of the time against what it adds in the other."""


def scheduled(native: QuantumCircuit, target: Any, *, decoupled: bool) -> QuantumCircuit:
    """Gates as late as possible, on the qubits of a Target that has their durations.

    A qubit that nothing has acted on is |0⟩, and is left alone.
    """
    from qiskit.circuit.library import XGate
    from qiskit.transpiler import PassManager
    from qiskit.transpiler.passes import ALAPScheduleAnalysis, PadDelay, PadDynamicalDecoupling

    padding = (
        PadDynamicalDecoupling(dd_sequence=[XGate(), XGate()], target=target)
        if decoupled
        else PadDelay(target=target)
    )
    return PassManager([ALAPScheduleAnalysis(target=target), padding]).run(native)


def untimed_gates(placed: Placed, device: Device) -> tuple[str, ...]:
    """Native gates of a circuit whose durations are not known, sorted."""
    assert placed.physical is not None
    known = gates_of(device)
    found = set()
    for gate in placed.circuit.gates:
        native = known.get((gate.name, tuple(placed.physical[qubit] for qubit in gate.qubits)))
        if gate.name not in VIRTUAL and (native is None or native.duration is None):
            found.add(gate.name)
    return tuple(sorted(found))


def decoupling_defect(placed: Placed, device: Device | None) -> str:
    """Why pulses cannot be put where the qubits of a circuit wait; empty where they can."""
    if device is None or placed.physical is None:
        return "`decoupling` needs a circuit that was routed for a device"
    untimed = untimed_gates(placed, device)
    if untimed:
        return f"`decoupling` needs durations, and that of {untimed[0]} is not known"
    known = gates_of(device)
    for qubit in placed.physical:
        pulse = known.get((PULSE, (qubit,)))
        if pulse is None or pulse.duration is None:
            return f"`decoupling` needs the gate {PULSE} with its duration on qubit {qubit}"
    return ""
