"""Circuits as matrices and turns in the order of time, noise included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qcompile.executors.transfer.channels import gate_channel, relaxation, transfer
from qcompile.executors.transfer.program import AngleTurn, Fixed
from qcompile.ir.circuit import Circuit, Gate
from qcompile.ir.decompose import parts, short_parts
from qcompile.ir.device_noise import DeviceNoise, waits
from qcompile.ir.gates import GATES
from qcompile.ir.matrices import PauliLetter

AXES: dict[str, PauliLetter] = {"X": "X", "Y": "Y", "Z": "Z", "N": "Z"}
"""Of gates, as turns up to a phase."""


@dataclass(frozen=True, eq=False)
class Element:
    """A matrix or a turn on one or two qubits."""

    qubits: tuple[int, ...]
    what: Fixed | AngleTurn
    """A turn's place counts among `qubits`."""

    @property
    def on_data(self) -> bool:
        return isinstance(self.what, AngleTurn) and bool(self.what.angle.data)


def device_elements(circuit: Circuit, noise: DeviceNoise) -> Iterator[Element]:
    """Gates, what comes with them, and waiting, in the order of time."""
    with_gate = {(found.name, found.qubits): found for found in noise.gates}

    def time_of(gate: Gate) -> float:
        found = with_gate.get((gate.name, gate.qubits))
        return 0.0 if found is None else found.duration

    waiting = waits(circuit.gates, time_of)
    for gate, gaps in zip(circuit.gates, waiting, strict=True):
        yield from gate_elements(gate)
        found = with_gate.get((gate.name, gate.qubits))
        if found is not None:
            times = [noise.relaxation[qubit] for qubit in gate.qubits]
            yield Element(gate.qubits, Fixed(matrix=gate_channel(found, times)))
        for qubit, seconds in gaps:
            idle = relaxation(noise.relaxation[qubit], seconds)
            yield Element((qubit,), Fixed(matrix=idle))


def gate_elements(gate: Gate) -> Iterator[Element]:
    """One without noise: its matrix, or the turns and matrices that it is made of."""
    kind = GATES[gate.name]
    if all(angle.is_constant for angle in gate.angles):
        angles = tuple(angle.constant for angle in gate.angles)
        yield Element(gate.qubits, Fixed(matrix=transfer(gate.name, angles)))
    elif kind.axis in AXES:
        turn = AngleTurn(place=0, axis=AXES[kind.axis], angle=gate.angles[0])
        yield Element(gate.qubits, turn)
    else:
        for part in short_parts(gate) or parts(gate):
            yield from gate_elements(part)
