"""Circuits as if they were routed, and noise on them."""

from __future__ import annotations

from qcompile.ir.circuit import Circuit
from qcompile.ir.device import RoutedCircuit
from qcompile.ir.device_noise import DeviceNoise, GateNoise
from qcompile.ir.plan import TransferEvaluation


def in_place(circuit: Circuit) -> RoutedCircuit:
    """A circuit whose gates are taken as a device's own."""
    places = tuple(range(circuit.qubits))
    return RoutedCircuit(
        device="none", circuit=circuit, physical=places, initial=places, final=places
    )


def under_noise(
    circuit: Circuit,
    *,
    one_qubit: float = 0.01,
    two_qubit: float = 0.02,
    readout: tuple[float, float] = (0.03, 0.05),
    duration: float = 0.0,
) -> TransferEvaluation:
    """Depolarising after every gate; qubits relax where gates take time, T1 = 100 and T2 = 80."""
    kinds = sorted({(gate.name, gate.qubits) for gate in circuit.gates})
    noise = DeviceNoise(
        gates=tuple(
            GateNoise(
                name=name,
                qubits=qubits,
                duration=duration * len(qubits),
                depolarising=one_qubit if len(qubits) == 1 else two_qubit,
            )
            for name, qubits in kinds
        ),
        relaxation=((100.0, 80.0),) * circuit.qubits,
        readout=(readout,) * circuit.qubits,
    )
    return TransferEvaluation(circuit=circuit, routed=in_place(circuit), noise=noise)
