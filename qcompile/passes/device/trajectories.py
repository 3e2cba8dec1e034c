"""What a simulation of the device's noise takes of the outputs, on more qubits: by qiskit-aer.

The model is that of `noise_maps`. Each trajectory of a statevector draws the errors, and gives
exact expectation values, so that a few hundred suffice.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qcompile.ir.circuit import Affine, Circuit, Gate, Readout, ZeroState
from qcompile.ir.device import VIRTUAL, Device
from qcompile.ir.device_noise import waits
from qcompile.ir.light_cone import observables
from qcompile.passes.device.noise_maps import NoiseMaps, noise_maps
from qcompile.passes.device.predict import UNDONE
from qcompile.passes.device.simulate import Points

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Real = NDArray[Any]

TRAJECTORIES = 300


def is_installed() -> bool:
    """Whether qiskit-aer is there."""
    return importlib.util.find_spec("qiskit_aer") is not None


def sampled_error(
    gates: Sequence[Gate], readout: Readout, device: Device, points: Points, *, mitigated: bool
) -> float:
    """Mean |noisy - ideal| over outputs and points.

    Args:
        gates: Native gates on the device's qubits.
        mitigated: Errors of reading are undone, but for the share `UNDONE`.
    """
    import numpy as np

    share = UNDONE if mitigated else 1.0
    strings = observables(readout)
    left = np.ones(len(strings))
    for index, pauli in enumerate(strings):
        for qubit, _ in pauli.letters:
            if device.readout_errors:
                left[index] *= 1 - share * sum(device.readout_errors[qubit])
    errors = []
    for point in range(len(points.data)):
        bound = [_bound(gate, points, point) for gate in gates]
        noisy = _values(bound, readout, noise_maps(device), TRAJECTORIES)
        ideal = _values(bound, readout, None, 1)
        errors.append(np.abs(left * noisy - ideal).mean())
    return float(np.mean(errors))


def _bound(gate: Gate, points: Points, point: int) -> Gate:
    values = (float(points.values(angle)[point]) for angle in gate.angles)
    return replace(gate, angles=tuple(Affine(constant=value) for value in values))


def _values(
    gates: Sequence[Gate], readout: Readout, maps: NoiseMaps | None, trajectories: int
) -> Real:
    import numpy as np
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import SparsePauliOp
    from qiskit_aer import AerSimulator

    strings = observables(readout)
    used = {qubit for gate in gates for qubit in gate.qubits}
    used.update(qubit for pauli in strings for qubit, _ in pauli.letters)
    number = {qubit: index for index, qubit in enumerate(sorted(used))}
    idle = [()] * len(gates) if maps is None else waits(gates, maps.seconds)
    circuit = QuantumCircuit(len(number))
    for gate, gaps in zip(gates, idle, strict=True):
        places = [number[qubit] for qubit in gate.qubits]
        circuit.compose(_alone(gate, readout), places, inplace=True)
        if maps is None or gate.name in VIRTUAL:
            continue
        share = maps.depolarising(gate)
        if share:
            from qiskit_aer.noise import depolarizing_error

            error = depolarizing_error(share, len(gate.qubits))
            circuit.append(error.to_instruction(), places)
        seconds = maps.seconds(gate)
        for qubit, time in (*((qubit, seconds) for qubit in gate.qubits), *gaps):
            relaxation = _relaxation(maps.device, qubit, time)
            if relaxation is not None:
                circuit.append(relaxation, [number[qubit]])
    for index, pauli in enumerate(strings):
        letters = "".join(letter for _, letter in reversed(pauli.letters))
        read = [number[qubit] for qubit, _ in pauli.letters]
        operator = SparsePauliOp([letters], [float(pauli.sign)])
        circuit.save_expectation_value(operator, read, label=str(index))
    simulator = AerSimulator(method="statevector", max_parallel_threads=1, seed_simulator=0)
    result = simulator.run(circuit, shots=trajectories).result()
    if not result.success:
        raise RuntimeError(str(result.status))
    data = result.data()
    return np.array([data[str(index)] for index in range(len(strings))])


def _alone(gate: Gate, readout: Readout) -> Any:
    from qcompile.qiskit.to_qiskit import to_qiskit

    own = replace(gate, qubits=tuple(range(len(gate.qubits))))
    return to_qiskit(
        Circuit(
            qubits=len(gate.qubits),
            data_width=0,
            angle_count=0,
            initial=ZeroState(),
            gates=(own,),
            readout=readout,
        )
    )


def _relaxation(device: Device, qubit: int, seconds: float) -> Any:
    from qiskit_aer.noise import thermal_relaxation_error

    t1, t2 = device.relaxation[qubit] if device.relaxation else (None, None)
    if (t1 is None and t2 is None) or seconds == 0.0:
        return None
    long = float("inf")
    first = long if t1 is None else t1
    second = 2 * first if t2 is None else t2
    return thermal_relaxation_error(first, second, seconds).to_instruction()
