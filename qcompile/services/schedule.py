"""Native circuits as schedules: where qubits wait stand delays, or pulses that decouple them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qcompile.executors.measured.service import Placed
from qcompile.ir.device import Device, gates_of
from qcompile.ir.device_noise import untimed_gates

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


def decoupling_defect(placed: Placed, device: Device | None) -> str:
    """Why pulses cannot be put where the qubits of a circuit wait; empty where they can."""
    if device is None or placed.physical is None:
        return "`decoupling` needs a circuit that was routed for a device"
    untimed = untimed_gates(placed.circuit, placed.physical, device)
    if untimed:
        return f"`decoupling` needs durations, and that of {untimed[0]} is not known"
    known = gates_of(device)
    for qubit in placed.physical:
        pulse = known.get((PULSE, (qubit,)))
        if pulse is None or pulse.duration is None:
            return f"`decoupling` needs the gate {PULSE} with its duration on qubit {qubit}"
    return ""
