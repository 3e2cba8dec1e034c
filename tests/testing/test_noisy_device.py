"""The oracle of devices' noise against qiskit-aer's own simulation of a scheduled circuit."""

from __future__ import annotations

import numpy as np

from qcompile.testing.noisy_device import NoisyDevice, NoisyGate, NoisyProgram, noisy_values


def test_values_are_those_of_aer() -> None:
    from qiskit import QuantumCircuit
    from qiskit.transpiler import PassManager
    from qiskit.transpiler.passes import ALAPScheduleAnalysis, PadDelay
    from qiskit_aer import AerSimulator
    from qiskit_aer.noise import NoiseModel

    device = NoisyDevice("FakeManilaV2")
    gates = [("sx", (q,), ()) for q in (1, 2, 3)] + [
        ("rz", (1,), (0.3,)),
        ("sx", (1,), ()),
        ("cx", (1, 2), ()),
        ("rz", (2,), (0.9,)),
        ("sx", (2,), ()),
        ("cx", (3, 2), ()),
        ("sx", (2,), ()),
        ("cx", (1, 2), ()),
        ("x", (3,), ()),
    ]
    circuit = QuantumCircuit(5, 3)
    for name, qubits, angles in gates:
        getattr(circuit, name)(*angles, *qubits)
    for bit, qubit in enumerate((1, 2, 3)):
        circuit.measure(qubit, bit)
    durations = device.target.durations()
    late = PassManager(
        [ALAPScheduleAnalysis(durations), PadDelay(durations, target=device.target)]
    ).run(circuit)
    late.remove_final_measurements()
    late.save_probabilities([1, 2, 3])
    simulator = AerSimulator(
        method="density_matrix", noise_model=NoiseModel.from_backend(device.backend)
    )
    weights = simulator.run(late, shots=1).result().data()["probabilities"]
    cube = np.asarray(weights).reshape(2, 2, 2)  # the last axis is the first qubit
    signs = np.array([1.0, -1.0])
    expected = [
        np.einsum("abc,c->", cube, signs),
        np.einsum("abc,b,a->", cube, signs, signs),
        -np.einsum("abc,c,b,a->", cube, signs, signs, signs),
    ]
    program = NoisyProgram(
        tuple(NoisyGate(*gate) for gate in gates), ((1, (1,)), (1, (2, 3)), (-1, (1, 2, 3)))
    )
    read, undone = noisy_values(program, device)
    np.testing.assert_allclose(undone, expected, atol=1e-6)
    assert np.all(np.abs(read) < np.abs(undone))


def test_a_qubit_measured_early_keeps_its_value() -> None:
    device = NoisyDevice("FakeManilaV2")
    first = (NoisyGate("sx", (0,)), NoisyGate("rz", (0,), (0.4,)), NoisyGate("sx", (0,)))
    late = (*first, NoisyGate("measure", (0,)), NoisyGate("x", (0,)), NoisyGate("cx", (0, 1)))
    (alone, _), (kept, _) = (
        noisy_values(NoisyProgram(first, ((1, (0,)),)), device),
        noisy_values(NoisyProgram(late, (3,)), device),
    )
    np.testing.assert_allclose(kept, alone, atol=1e-6)
