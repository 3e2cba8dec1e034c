"""Copies of a circuit side by side as one circuit, and which bits are whose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qcompile.executors.measured.service import Placed
from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli
from qcompile.qiskit.observables import measured_qubits


def side_by_side(copies: Sequence[Placed]) -> Placed:
    """One circuit that reads what its copies read; its slots are theirs, one copy after the other.

    Gates take turns among the copies, so that back ends that keep the order run them at one time.
    """
    if len(copies) == 1:
        return copies[0]
    circuit = copies[0].circuit
    count = len(copies)
    gates = tuple(_moved(gate, copy, circuit) for gate in circuit.gates for copy in range(count))
    read = sorted(measured_qubits(circuit))
    bits = (copy * circuit.qubits + qubit for copy in range(count) for qubit in read)
    strings = tuple(Pauli(letters=((bit, "Z"),)) for bit in bits)
    whole = Circuit(
        qubits=count * circuit.qubits,
        data_width=count * circuit.data_width,
        angle_count=0,
        initial=circuit.initial,
        gates=gates,
        readout=Expectations(paulis=strings),
    )
    places = [place for copy in copies for place in copy.physical or ()]
    return Placed(circuit=whole, physical=tuple(places), decoupled=copies[0].decoupled)


def bits_of(copies: Sequence[Placed]) -> list[list[int]]:
    """For each copy the bits of `side_by_side` that it reads, as `measured_qubits` orders them."""
    circuit = copies[0].circuit
    own = measured_qubits(circuit)
    if len(copies) == 1:
        return [list(range(len(own)))]
    order = sorted(own)
    return [[copy * len(own) + order.index(qubit) for qubit in own] for copy in range(len(copies))]


def _moved(gate: Gate, copy: int, circuit: Circuit) -> Gate:
    return replace(
        gate,
        qubits=tuple(copy * circuit.qubits + qubit for qubit in gate.qubits),
        angles=tuple(_shifted(angle, copy * circuit.data_width) for angle in gate.angles),
    )


def _shifted(angle: Affine, first: int) -> Affine:
    return replace(angle, data=tuple((first + index, factor) for index, factor in angle.data))
