"""Values under a fake device's noise model; on many qubits by sampled trajectories of qiskit-aer.

The same model as that of `qcompile.testing.noisy_device`: the error of each gate, and relaxation
while qubits wait. Each trajectory gives exact expectation values, so that a few hundred suffice.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qcompile.testing.noisy_device import (
    NoisyDevice,
    NoisyGate,
    NoisyProgram,
    idle_times,
    noisy_values,
)

EXACT = 9
"""Qubits that take part at a time up to which values are computed exactly."""

WORK = 600_000_000
"""Operations times amplitudes of all trajectories of one circuit, about ten seconds."""

FEWEST, MOST = 100, 2000
"""Trajectories."""


def values_of(program: NoisyProgram, device: NoisyDevice) -> tuple[np.ndarray, np.ndarray]:
    """Values of the outputs as read, and with the errors of reading undone; exact if they can."""
    return (noisy_values if _peak(program) <= EXACT else sampled_values)(program, device)


def _peak(program: NoisyProgram) -> int:
    """How many qubits take part at a time."""
    last = {
        qubit: position
        for position, operation in enumerate(program.operations)
        for qubit in operation.qubits
    }
    strings = [out[1] for out in program.outputs if not isinstance(out, int)]
    kept = {qubit for qubits in strings if len(qubits) > 1 for qubit in qubits}
    present: set[int] = set()
    most = len(kept)
    for position, operation in enumerate(program.operations):
        present.update(operation.qubits)
        most = max(most, len(present | kept))
        present -= {q for q in operation.qubits if last[q] == position and q not in kept}
    return most


def sampled_values(program: NoisyProgram, device: NoisyDevice) -> tuple[np.ndarray, np.ndarray]:
    """Values of the outputs as read, and with the errors of reading undone."""
    strings = [
        (1, program.operations[out].qubits) if isinstance(out, int) else out
        for out in program.outputs
    ]
    used = {qubit for operation in program.operations for qubit in operation.qubits}
    used.update(qubit for _, qubits in strings for qubit in qubits)
    circuit = _circuit(program, device, {q: index for index, q in enumerate(sorted(used))})
    work = max(1, len(circuit.data)) * 2 ** len(used)
    undone = _run(circuit, min(MOST, max(FEWEST, WORK // work)), len(strings))
    left = [np.prod([_left(device, qubit) for qubit in qubits]) for _, qubits in strings]
    return undone * np.array(left), undone


def _left(device: NoisyDevice, qubit: int) -> float:
    """What reading leaves of a Z."""
    up, down = device.reading(qubit)
    if abs(up - down) > 1e-9:
        raise ValueError(f"qubit {qubit} of {device.backend.name} is read with a shift")
    return 1 - up - down


def _circuit(program: NoisyProgram, device: NoisyDevice, number: dict[int, int]) -> Any:
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(len(number))
    early = {out: index for index, out in enumerate(program.outputs) if isinstance(out, int)}
    waiting = idle_times(program.operations, device)
    for position, (operation, waits) in enumerate(zip(program.operations, waiting, strict=True)):
        places = [number[qubit] for qubit in operation.qubits]
        if position in early:
            _save(circuit, 1, places, early[position])
        if operation.name != "measure":
            getattr(circuit, operation.name)(*operation.angles, *places)
            error = _error(operation, device)
            if error is not None:
                circuit.append(error, places)
        for qubit, seconds in waits:
            relaxation = _relaxation(device, qubit, seconds)
            if relaxation is not None:
                circuit.append(relaxation, [number[qubit]])
    for index, out in enumerate(program.outputs):
        if not isinstance(out, int):
            _save(circuit, out[0], [number[qubit] for qubit in out[1]], index)
    return circuit


def _save(circuit: Any, sign: int, places: list[int], index: int) -> None:
    from qiskit.quantum_info import SparsePauliOp

    string = SparsePauliOp(["Z" * len(places)], [float(sign)])
    circuit.save_expectation_value(string, places, label=str(index))


def _error(operation: NoisyGate, device: NoisyDevice) -> Any:
    error = device.error_of(operation)
    return None if error is None else error.to_instruction()


def _relaxation(device: NoisyDevice, qubit: int, seconds: float) -> Any:
    from qiskit_aer.noise import thermal_relaxation_error

    properties = device.backend.qubit_properties(qubit)
    if properties.t1 is None or properties.t2 is None or seconds < 1e-12:
        return None
    t2 = min(properties.t2, 2 * properties.t1)
    return thermal_relaxation_error(properties.t1, t2, seconds).to_instruction()


def _run(circuit: Any, trajectories: int, outputs: int) -> np.ndarray:
    from qiskit_aer import AerSimulator

    simulator = AerSimulator(method="statevector", max_parallel_threads=1, seed_simulator=0)
    result = simulator.run(circuit, shots=trajectories).result()
    if not result.success:
        raise RuntimeError(str(result.status))
    data = result.data()
    return np.array([data[str(index)] for index in range(outputs)])
