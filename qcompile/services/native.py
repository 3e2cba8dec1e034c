"""Circuits in slots as Qiskit circuits, and their values in the order that Qiskit asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qcompile.executors.measured.service import Placed
from qcompile.qiskit.observables import measured_qubits
from qcompile.qiskit.parameters import parameter_values
from qcompile.qiskit.to_qiskit import to_qiskit

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

REGISTER = "c"
"""The classical register; its bit k holds `measured_qubits(circuit)[k]`."""


def placed_native(placed: Placed, width: int | None) -> QuantumCircuit:
    """The gates on the device's qubits; without a device on those of the circuit."""
    compact = to_qiskit(placed.circuit)
    if placed.physical is None or width is None:
        return compact
    return on_places(compact, placed.physical, width)


def on_places(compact: QuantumCircuit, physical: Sequence[int], width: int) -> QuantumCircuit:
    """A circuit on `width` qubits, those of `compact` on the places given."""
    from qiskit import QuantumCircuit

    wide = QuantumCircuit(width)
    wide.compose(compact, qubits=list(physical), inplace=True, copy=False)
    return wide


def read_places(placed: Placed) -> tuple[int, ...]:
    """The device's qubits that are read, the least significant bit first."""
    qubits = measured_qubits(placed.circuit)
    return qubits if placed.physical is None else tuple(placed.physical[q] for q in qubits)


def with_measurements(native: QuantumCircuit, places: Sequence[int]) -> QuantumCircuit:
    """The same circuit, then all measurements at once."""
    from qiskit.circuit import ClassicalRegister

    result = native.copy()
    result.add_register(ClassicalRegister(len(places), REGISTER))
    # A measurement in between would let a transpiler route over measured qubits.
    result.barrier()
    result.measure(list(places), range(len(places)))
    return result


def ordered(native: QuantumCircuit, bindings: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K, len(native.parameters)) of (K, slots)."""
    if not native.parameters:
        return np.empty((len(bindings), 0))
    return parameter_values(native, bindings, np.empty(0))
