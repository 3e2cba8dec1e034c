"""A circuit on its way to a device: what the passes of the routing stage hand each other."""

from __future__ import annotations

from dataclasses import dataclass

from qcompile.ir.circuit import Circuit, Gate
from qcompile.ir.device import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One candidate: the wires of a circuit on qubits of the device."""

    placement: str
    """How the places were found."""
    field: tuple[int, ...]
    """The device's qubits that routing may use, sorted."""
    initial: tuple[int, ...]
    """The device's qubit on which each wire starts."""
    final: tuple[int, ...]
    """The device's qubit on which each wire ends."""
    gates: tuple[Gate, ...] | None = None
    """On the device's qubits; None before routing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """A circuit, the device, and what has become of its gates so far."""

    circuit: Circuit
    """Starts in |0…0⟩."""
    device: Device
    gates: tuple[Gate, ...]
    """On wires, one for each qubit of the circuit."""
    wires: tuple[int, ...]
    """For each qubit the wire that holds it at last."""
    drafts: tuple[Draft, ...] = ()


def start_routing(circuit: Circuit, device: Device) -> Routing:
    """Before any pass."""
    wires = tuple(range(circuit.qubits))
    return Routing(circuit=circuit, device=device, gates=circuit.gates, wires=wires)
