"""How good a routed circuit is."""

from __future__ import annotations

import math

from qcompile.ir.circuit import Circuit, Expectations, Gate, Probabilities
from qcompile.ir.circuit_analysis import two_qubit_gates
from qcompile.ir.device import Device, RoutedCircuit, RoutingCandidate
from qcompile.ir.target import Objective


def timed_depth(gates: tuple[Gate, ...], qubits: int) -> int:
    """Layers of gates; rz takes no time on hardware and is not counted."""
    level = [0] * qubits
    for gate in gates:
        if gate.name != "rz":
            reached = 1 + max(level[qubit] for qubit in gate.qubits)
            for qubit in gate.qubits:
                level[qubit] = reached
    return max(level, default=0)


def estimated_success(routed: RoutedCircuit, device: Device) -> float:
    """Probability that no gate and no reading fails, if errors were independent.

    Uses the device's error rates as they are; what is unknown counts as perfect.
    """
    errors = dict(device.gate_errors)
    total = 0.0
    for gate in routed.circuit.gates:
        if gate.name == "rz":
            continue
        place = tuple(sorted(routed.physical[qubit] for qubit in gate.qubits))
        total += math.log1p(-min(errors.get(place, 0.0), 0.999999))
    if device.readout_errors:
        for qubit in read_qubits(routed.circuit):
            reading = sum(device.readout_errors[routed.physical[qubit]]) / 2
            total += math.log1p(-min(reading, 0.999999))
    return math.exp(total)


def read_qubits(circuit: Circuit) -> tuple[int, ...]:
    """Qubits that the read-out depends on, sorted."""
    match circuit.readout:
        case Expectations(paulis=paulis):
            return tuple(sorted({qubit for pauli in paulis for qubit, _ in pauli.letters}))
        case Probabilities(qubits=qubits):
            return tuple(sorted(qubits))


def rank(routed: RoutedCircuit, device: Device, objective: Objective) -> tuple[float, float, float]:
    """Smaller is better."""
    gates = routed.circuit.gates
    pairs, layers = two_qubit_gates(gates), timed_depth(gates, routed.circuit.qubits)
    # Rounded: the last digits of a product must not decide between equals.
    failure = -round(estimated_success(routed, device), 12)
    match objective:
        case "gates":
            return pairs, layers, failure
        case "depth":
            return layers, pairs, failure
        case "fidelity":
            return failure, pairs, layers


def routed_figures(placement: str, routed: RoutedCircuit, device: Device) -> RoutingCandidate:
    """What is kept of a candidate, whether it wins or not."""
    gates = routed.circuit.gates
    success = None
    if device.gate_errors or device.readout_errors:
        success = float(f"{estimated_success(routed, device):.3g}")
    return RoutingCandidate(
        placement=placement,
        two_qubit_gates=two_qubit_gates(gates),
        timed_depth=timed_depth(gates, routed.circuit.qubits),
        success=success,
    )
