"""How good a routed circuit is."""

from __future__ import annotations

import math
from collections.abc import Iterable

from qcompile.ir.circuit import Expectations, Gate, Probabilities, Readout
from qcompile.ir.circuit_analysis import two_qubit_gates
from qcompile.ir.device import Device, RoutingCandidate
from qcompile.ir.routing import Draft
from qcompile.ir.target import Target
from qcompile.passes.device.predict import is_calibrated, predicted_error


def timed_depth(gates: Iterable[Gate]) -> int:
    """Layers of gates; rz takes no time on hardware and is not counted."""
    level: dict[int, int] = {}
    for gate in gates:
        if gate.name != "rz":
            reached = 1 + max(level.get(qubit, 0) for qubit in gate.qubits)
            level.update(dict.fromkeys(gate.qubits, reached))
    return max(level.values(), default=0)


def estimated_success(gates: Iterable[Gate], readout: Readout, device: Device) -> float:
    """Probability that no gate and no reading fails, if errors were independent.

    Gates and read-out are on the device's qubits. Uses the device's error rates as they are; what
    is unknown counts as perfect.
    """
    errors = dict(device.gate_errors)
    total = 0.0
    for gate in gates:
        if gate.name == "rz":
            continue
        place = tuple(sorted(gate.qubits))
        total += math.log1p(-min(errors.get(place, 0.0), 0.999999))
    if device.readout_errors:
        for qubit in read_qubits(readout):
            reading = sum(device.readout_errors[qubit]) / 2
            total += math.log1p(-min(reading, 0.999999))
    return math.exp(total)


def read_qubits(readout: Readout) -> tuple[int, ...]:
    """Qubits that the read-out depends on, sorted."""
    match readout:
        case Expectations(paulis=paulis):
            return tuple(sorted({qubit for pauli in paulis for qubit, _ in pauli.letters}))
        case Probabilities(qubits=qubits):
            return tuple(sorted(qubits))


def error_of(draft: Draft, device: Device, target: Target) -> float:
    """What noise is predicted to take of the outputs; 0 where nothing is known of the device."""
    mitigated = target.mitigate == "readout"
    return predicted_error(draft.gates or (), draft.readout, device, mitigated=mitigated)


def rank(draft: Draft, device: Device, target: Target) -> tuple[float, ...]:
    """By the target's objective; smaller is better."""
    gates = draft.gates or ()
    pairs, layers = two_qubit_gates(gates), timed_depth(gates)
    # Rounded: the last digits of a product must not decide between equals.
    error = round(error_of(draft, device, target), 12)
    objective: tuple[float, ...]
    match target.optimise:
        case "gates":
            objective = (pairs, layers, error)
        case "depth":
            objective = (layers, pairs, error)
        case "fidelity":
            objective = (error, pairs, layers)
    if draft.settled and draft.simulated is not None:
        return 0.0, round(draft.simulated, 6), *objective
    return 1.0, *objective


def best_drafts(
    drafts: Iterable[Draft], count: int, device: Device, target: Target
) -> tuple[Draft, ...]:
    """The best of those that are routed, the best first."""
    routed = [draft for draft in drafts if draft.gates is not None]
    return tuple(sorted(routed, key=lambda draft: rank(draft, device, target))[:count])


def routed_figures(draft: Draft, device: Device, target: Target) -> RoutingCandidate:
    """What is kept of a candidate, whether it wins or not."""
    gates = draft.gates or ()
    success = error = None
    if is_calibrated(device):
        success = float(f"{estimated_success(gates, draft.readout, device):.3g}")
        error = float(f"{error_of(draft, device, target):.3g}")
    return RoutingCandidate(
        placement=draft.placement,
        two_qubit_gates=two_qubit_gates(gates),
        timed_depth=timed_depth(gates),
        success=success,
        rewriting=draft.variant.rewriting,
        error=error,
        simulated=None if draft.simulated is None else float(f"{draft.simulated:.3g}"),
    )
