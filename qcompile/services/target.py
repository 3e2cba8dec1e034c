"""Some qubits of a device as a Qiskit Target: what noise models and schedules are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qcompile.ir.device import Device, gates_of
from qcompile.ir.gates import GATES

SAMPLE = 1e-15
"""Seconds in which a schedule counts where durations are no multiples of a dt; also by how much
Qiskit lets them differ from one."""


def sample_of(device: Device) -> float:
    """Seconds in which the durations of all gates are whole numbers."""
    times = {gate.duration for gate in gates_of(device).values() if gate.duration}
    dt = device.dt
    if dt is None or any(abs(time - round(time / dt) * dt) > SAMPLE for time in times):
        return SAMPLE
    return dt


def compact_target(device: Device, physical: Sequence[int], alignment: int = 1) -> Any:
    """Native gates with their errors and durations, T1 and T2, on qubits renumbered 0 … k - 1.

    A gate whose duration is not known takes no time. Pulses start at multiples of `alignment`.
    """
    from qiskit.circuit import Delay, Measure, Parameter
    from qiskit.circuit.library import get_standard_gate_name_mapping
    from qiskit.transpiler import InstructionProperties, QubitProperties, Target

    number = {qubit: index for index, qubit in enumerate(physical)}
    # Aer asks each qubit for its times, also where none are known.
    times = device.relaxation or ((None, None),) * device.qubits
    qubits = [QubitProperties(*times[qubit]) for qubit in physical]
    target = Target(
        num_qubits=len(physical),
        dt=sample_of(device),
        qubit_properties=qubits,
        pulse_alignment=alignment,
    )
    known = get_standard_gate_name_mapping()
    places: dict[str, dict[tuple[int, ...], Any]] = {}
    for gate in gates_of(device).values():
        if all(qubit in number for qubit in gate.qubits):
            name = GATES[gate.name].qiskit or gate.name
            where = tuple(number[qubit] for qubit in gate.qubits)
            places.setdefault(name, {})[where] = InstructionProperties(
                gate.duration or 0.0, gate.error
            )
    for name, properties in places.items():
        target.add_instruction(known[name], properties, name=name)
    reading = device.readout_durations
    target.add_instruction(
        Measure(),
        {
            (index,): InstructionProperties(reading[qubit] if reading else None)
            for qubit, index in number.items()
        },
    )
    everywhere = {(index,): None for index in range(len(physical))}
    target.add_instruction(Delay(Parameter("t")), everywhere)
    return target
