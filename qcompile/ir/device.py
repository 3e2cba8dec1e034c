"""Devices as plain data, and circuits routed onto them."""

from __future__ import annotations

from dataclasses import dataclass

from qcompile.ir.circuit import Circuit
from qcompile.ir.gates import GateName


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A coupling map, native gates and, where known, calibrated error rates."""

    name: str
    qubits: int
    edges: tuple[tuple[int, int], ...]
    """Undirected couplings that work, each (smaller, larger), sorted."""
    native: tuple[GateName, ...]
    gate_errors: tuple[tuple[tuple[int, ...], float], ...] = ()
    """(qubits, error probability), sorted; one entry a qubit or an edge."""
    readout_errors: tuple[tuple[float, float], ...] = ()
    """Per qubit (P(read 1 | is 0), P(read 0 | is 1)); empty: unknown."""
    calibrated: str | None = None
    """ISO 8601 date of the calibration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutedCircuit:
    """A circuit in native gates on the edges of a device.

    `circuit` acts on compact qubits 0..k-1; compact qubit c is the device's qubit `physical[c]`.
    Logical qubit q starts on compact qubit `initial[q]` and ends on `final[q]`; compact qubits
    beyond the logical ones start in |0⟩. The read-out of `circuit` is already permuted.
    """

    device: str
    circuit: Circuit
    physical: tuple[int, ...]
    initial: tuple[int, ...]
    final: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingCandidate:
    """The figures of one way to put a circuit on a device."""

    placement: str
    two_qubit_gates: int
    timed_depth: int
    """Layers of gates that take time; rz takes none."""
    success: float | None
    """Probability that no gate and no reading fails, three digits; None: no rates are known."""
