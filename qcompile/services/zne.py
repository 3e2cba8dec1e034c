"""Zero-noise extrapolation: a circuit with more noise, and the weights that undo both.

Two-qubit gates, which lose most, are followed by their inverse and themselves once more, so that
the circuit stays the same and their noise is three times as much (unitary folding,
arXiv:2005.10921). The line through the two values is read off at no noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from qcompile.ir.circuit import Circuit, Gate
from qcompile.ir.device import Device
from qcompile.ir.gate_algebra import are_inverse

FACTORS = ((1, 1.5), (3, -0.5))
"""(by what noise is multiplied, what the value counts)."""


def amplified(circuit: Circuit, factor: int) -> Circuit:
    """The same circuit with every two-qubit gate `factor` times, which is odd."""
    gates = (step for gate in circuit.gates for step in _folded(gate, factor))
    return replace(circuit, gates=tuple(gates))


def not_foldable(circuit: Circuit, device: Device) -> str | None:
    """A two-qubit gate whose inverse the device does not have; None: there is none."""
    bounded = {name for name, _, _ in device.angle_bounds}
    for gate in circuit.gates:
        if len(gate.qubits) == 2:
            if (gate.angles and gate.name in bounded) or not are_inverse(gate, _inverse(gate)):
                return gate.name
    return None


def _folded(gate: Gate, factor: int) -> Iterator[Gate]:
    yield gate
    if len(gate.qubits) == 2:
        for _ in range(factor // 2):
            yield _inverse(gate)
            yield gate


def _inverse(gate: Gate) -> Gate:
    return replace(gate, angles=tuple(angle.times(-1.0) for angle in gate.angles))
