"""Angles as symbols that a router of another library brings back unchanged."""

from __future__ import annotations

from qcompile.ir.circuit import Affine, Gate


def with_own_symbols(gates: tuple[Gate, ...]) -> tuple[tuple[Gate, ...], tuple[Affine, ...]]:
    """Replace the j-th angle of all gates by the plain trainable angle j."""
    angles: list[Affine] = []
    named: list[Gate] = []
    for gate in gates:
        symbols = tuple(
            Affine(angles=((len(angles) + offset, 1.0),)) for offset in range(len(gate.angles))
        )
        angles += gate.angles
        named.append(Gate(name=gate.name, qubits=gate.qubits, angles=symbols))
    return tuple(named), tuple(angles)


def with_angles(gates: tuple[Gate, ...], angles: tuple[Affine, ...]) -> tuple[Gate, ...]:
    restored: list[Gate] = []
    for gate in gates:
        values = []
        for symbolic in gate.angles:
            value = Affine(constant=symbolic.constant)
            for index, factor in symbolic.angles:
                value = value.plus(angles[index].times(factor))
            values.append(value)
        restored.append(Gate(name=gate.name, qubits=gate.qubits, angles=tuple(values)))
    return tuple(restored)
