"""Devices as plain data, and circuits routed onto them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from qcompile.ir.added_later import ADDED_LATER
from qcompile.ir.circuit import Circuit
from qcompile.ir.gates import GATES, GateName

VIRTUAL: tuple[GateName, ...] = ("rz", "phase")
"""Gates that hardware does by a change of phases: no time, no error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeGate:
    """A gate that a device has on these qubits, in this direction."""

    name: GateName
    qubits: tuple[int, ...]
    """The device's qubits in the gate's own order: of a `cx`, (control, target)."""
    error: float | None = None
    """Average gate infidelity, in [0, 1): 1 minus the fidelity averaged over pure states. None:
    unknown."""
    duration: float | None = None
    """Seconds; None: unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A coupling map, native gates and, where known, their calibration.

    Times are seconds, errors probabilities. What is not known is None, or an empty tuple where
    nothing of its kind is known.
    """

    name: str
    qubits: int
    edges: tuple[tuple[int, int], ...]
    """Undirected couplings that work, each (smaller, larger), sorted."""
    native: tuple[GateName, ...]
    gate_errors: tuple[tuple[tuple[int, ...], float], ...] = ()
    """(qubits, error), sorted; one entry a qubit or an edge: a figure for placing and routing."""
    readout_errors: tuple[tuple[float, float], ...] = ()
    """Per qubit (P(read 1 | is 0), P(read 0 | is 1)); empty: unknown."""
    calibrated: str | None = None
    """ISO 8601 date of the calibration."""
    gates: tuple[NativeGate, ...] = field(default=(), metadata=ADDED_LATER)
    """Every native gate wherever it works, sorted by (name, qubits). Empty: all of `native`, on
    every qubit, in both directions of every edge. `gates_of` gives both cases in one form."""
    readout_durations: tuple[float | None, ...] = field(default=(), metadata=ADDED_LATER)
    """Per qubit, seconds."""
    relaxation: tuple[tuple[float | None, float | None], ...] = field(
        default=(), metadata=ADDED_LATER
    )
    """Per qubit (T1, T2), seconds; T2 is at most 2 T1."""
    dt: float | None = field(default=None, metadata=ADDED_LATER)
    """Seconds of one sample of the device's controls, in which schedules count."""

    angle_bounds: tuple[tuple[GateName, float, float], ...] = field(
        default=(), metadata=ADDED_LATER
    )
    """(native gate, least, greatest angle) in radians, of gates that do not take every angle. Other
    constant angles are folded into the bounds; angles with symbols are written in other gates."""


@lru_cache(maxsize=16)
def gates_of(device: Device) -> Mapping[tuple[GateName, tuple[int, ...]], NativeGate]:
    """All native gates by (name, qubits in the gate's order).

    The mapping takes a device's whole description to look up: fetch it once, not for every gate.
    """
    if device.gates:
        return MappingProxyType({(gate.name, gate.qubits): gate for gate in device.gates})
    errors = dict(device.gate_errors)
    found: dict[tuple[GateName, tuple[int, ...]], NativeGate] = {}
    for name in device.native:
        if GATES[name].qubits == 1:
            virtual = 0.0 if name in VIRTUAL else None
            for qubit in range(device.qubits):
                error = errors.get((qubit,)) if virtual is None else virtual
                found[name, (qubit,)] = NativeGate(
                    name=name, qubits=(qubit,), error=error, duration=virtual
                )
        else:
            for edge in device.edges:
                for pair in (edge, edge[::-1]):
                    error = errors.get(edge)
                    found[name, pair] = NativeGate(name=name, qubits=pair, error=error)
    return MappingProxyType(found)


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
    rewriting: str = field(default="as written", metadata=ADDED_LATER)
    """How the gates were rewritten before they were placed."""
    error: float | None = field(default=None, metadata=ADDED_LATER)
    """What noise is predicted to take of a value between -1 and 1, averaged over the outputs,
    three digits; None: no rates are known."""
    simulated: float | None = field(default=None, metadata=ADDED_LATER)
    """The mean error of the outputs in a simulation of the device's noise, three digits; None: not
    simulated."""
