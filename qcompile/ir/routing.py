"""A circuit on its way to a device: what the passes of the routing stage hand each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from qcompile.ir.circuit import Circuit, Expectations, Gate, Pauli, Probabilities, Readout
from qcompile.ir.device import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to write the circuit, with the same outputs."""

    rewriting: str
    """How it came about."""
    gates: tuple[Gate, ...]
    """On wires, one for each qubit of the circuit."""
    wires: tuple[int, ...]
    """For each qubit the wire that holds it at last, but for gates that the read-out absorbed."""
    readout: Readout
    """In terms of wires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One candidate: the wires of a variant on qubits of the device."""

    variant: Variant
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
    restored: Readout | None = None
    """On the device's qubits, where gates after the last of the variant's have changed it."""
    simulated: float | None = None
    """The error of the values in a simulation of the device's noise."""
    settled: bool = False
    """Whether it is compared by what was simulated, and comes before all that are not."""

    @property
    def readout(self) -> Readout:
        """On the device's qubits."""
        return moved(self.variant.readout, self.final) if self.restored is None else self.restored


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """A circuit, the device, and what has become of it so far."""

    circuit: Circuit
    """Starts in |0…0⟩."""
    device: Device
    variants: tuple[Variant, ...]
    drafts: tuple[Draft, ...] = field(default=())


def start_routing(circuit: Circuit, device: Device) -> Routing:
    """Before any pass."""
    written = Variant(
        rewriting="as written",
        gates=circuit.gates,
        wires=tuple(range(circuit.qubits)),
        readout=circuit.readout,
    )
    return Routing(circuit=circuit, device=device, variants=(written,))


def moved(readout: Readout, place: tuple[int, ...]) -> Readout:
    """The same read-out with each qubit at its place."""
    match readout:
        case Expectations(paulis=paulis):
            return Expectations(
                paulis=tuple(
                    Pauli(
                        letters=tuple(sorted((place[q], letter) for q, letter in pauli.letters)),
                        sign=pauli.sign,
                    )
                    for pauli in paulis
                )
            )
        case Probabilities(qubits=qubits):
            return Probabilities(qubits=tuple(place[qubit] for qubit in qubits))
