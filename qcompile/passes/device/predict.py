"""How much of each measured value noise leaves, from the device's calibration.

A value is an expectation value of a string P. In the Heisenberg picture each error of a gate, of
waiting or of reading inside P's backward light cone shrinks it by a factor; what lies outside the
cone leaves it alone. Depolarising with the gate's average infidelity e shrinks every string on one
qubit by 1 - 2e and on two by 1 - 4e/3; waiting for a time t shrinks the letters X and Y by
exp(-t/T2) and Z by exp(-t/T1); reading shrinks a Z by 1 - P(1|0) - P(0|1). Shifts of the values
towards |0⟩ are not counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from qcompile.ir.circuit import Gate, Readout
from qcompile.ir.device import VIRTUAL, Device, gates_of
from qcompile.ir.gates import GateName
from qcompile.ir.light_cone import observables

UNKNOWN = 0.999999
"""The greatest error that is counted, so that logarithms stay finite."""


UNDONE = 0.05
"""Share of the errors of reading that counts where they are undone: the calibration that undoes
them is not exact, and values from shots spread more the larger they are."""


@dataclass(frozen=True, slots=True)
class Rates:
    """A device's calibration as logarithms of factors; what is unknown counts as perfect."""

    gates: dict[tuple[GateName, tuple[int, ...]], tuple[float, float]]
    """(loss of a string that the gate acts on, seconds), by name and qubits in the gate's order."""
    pairs: dict[tuple[int, int], tuple[float, float]]
    """The least loss of a two-qubit gate, and its time, by coupling (smaller, larger)."""
    turns: dict[int, float]
    """The greatest loss of a one-qubit gate, by qubit."""
    waiting: tuple[float, ...]
    """Loss a second, per qubit, averaged over the letters."""
    reading: tuple[float, ...]
    """Loss of a Z, per qubit."""

    def gate(self, gate: Gate) -> tuple[float, float]:
        """(loss, seconds) on physical qubits; of two-qubit gates that the device lacks, its own."""
        if gate.name in VIRTUAL:
            return 0.0, 0.0
        found = self.gates.get((gate.name, gate.qubits))
        if found is None and len(gate.qubits) == 2:
            return self.pairs.get((min(gate.qubits), max(gate.qubits)), (0.0, 0.0))
        return found or (0.0, 0.0)


@lru_cache(maxsize=16)
def rates_of(device: Device) -> Rates:
    """The calibration of a device, read once."""
    gates = {}
    turns: dict[int, float] = {}
    pairs: dict[tuple[int, int], tuple[float, float]] = {}
    for place, native in gates_of(device).items():
        error = min(native.error or 0.0, UNKNOWN)
        scale = 4 / 3 if len(place[1]) == 2 else 2.0
        loss = -math.log1p(-min(scale * error, UNKNOWN))
        gates[place] = (loss, native.duration or 0.0)
        if len(place[1]) == 1:
            (qubit,) = place[1]
            turns[qubit] = max(loss, turns.get(qubit, 0.0))
        else:
            edge = (min(place[1]), max(place[1]))
            pairs[edge] = min(gates[place], pairs.get(edge, gates[place]))
    waiting = []
    for qubit in range(device.qubits):
        t1, t2 = device.relaxation[qubit] if device.relaxation else (None, None)
        rates = [0.0 if time is None else 1 / time for time in (t1, t2, t2)]
        waiting.append(sum(rates) / 3)
    reading = [
        -math.log1p(-min(sum(device.readout_errors[qubit]), UNKNOWN))
        if device.readout_errors
        else 0.0
        for qubit in range(device.qubits)
    ]
    return Rates(
        gates=gates, pairs=pairs, turns=turns, waiting=tuple(waiting), reading=tuple(reading)
    )


def is_calibrated(device: Device) -> bool:
    """Whether anything is known that values could be predicted from."""
    return bool(device.gate_errors or device.readout_errors or device.relaxation)


def attenuations(
    gates: Sequence[Gate],
    readout: Readout,
    device: Device,
    *,
    mitigated: bool,
    physical: Sequence[int] | None = None,
) -> tuple[float, ...]:
    """The factor, in [0, 1], that is left of each output's string.

    Gates run as late as they can. Of probabilities, the strings are Z on each qubit that is read.

    Args:
        gates: In the order of time.
        mitigated: Errors of reading are undone; a share of them, `UNDONE`, is counted.
        physical: The device's qubit for each qubit of gates and read-out; None: they are the same.
    """
    rates = rates_of(device)
    strings = observables(readout)
    place = range(device.qubits) if physical is None else physical
    losses = [0.0] * len(strings)
    cones: list[int] = []
    for index, string in enumerate(strings):
        cones.append(sum(1 << qubit for qubit, _ in string.letters))
        reading = sum(rates.reading[place[qubit]] for qubit, _ in string.letters)
        losses[index] += UNDONE * reading if mitigated else reading
    start: dict[int, float] = {}
    for gate in reversed(gates):
        there = gate if physical is None else _moved(gate, physical)
        loss, seconds = rates.gate(there)
        end = min((start.get(qubit, 0.0) for qubit in gate.qubits), default=0.0)
        touched = 0
        waits = []
        for qubit in gate.qubits:
            touched |= 1 << qubit
            gap = start.get(qubit, 0.0) - end
            if gap > 0.0:
                waits.append((1 << qubit, gap * rates.waiting[place[qubit]]))
            start[qubit] = end - seconds
        for index, cone in enumerate(cones):
            if cone & touched:
                for bit, lost in waits:
                    if cone & bit:
                        losses[index] += lost
                losses[index] += loss
                cones[index] = cone | touched
    return tuple(math.exp(-loss) for loss in losses)


def waiting_times(gates: Sequence[Gate], device: Device) -> dict[int, float]:
    """Seconds that each qubit waits between its gates, which run as late as they can."""
    rates = rates_of(device)
    start: dict[int, float] = {}
    waits: dict[int, float] = {}
    for gate in reversed(gates):
        _, seconds = rates.gate(gate)
        end = min((start.get(qubit, 0.0) for qubit in gate.qubits), default=0.0)
        for qubit in gate.qubits:
            waits[qubit] = waits.get(qubit, 0.0) + start.get(qubit, 0.0) - end
            start[qubit] = end - seconds
    return waits


def _moved(gate: Gate, physical: Sequence[int]) -> Gate:
    return Gate(name=gate.name, qubits=tuple(physical[q] for q in gate.qubits))


def predicted_error(
    gates: Sequence[Gate],
    readout: Readout,
    device: Device,
    *,
    mitigated: bool,
    physical: Sequence[int] | None = None,
) -> float:
    """What noise takes of a value between -1 and 1, averaged over the outputs; in [0, 1]."""
    left = attenuations(gates, readout, device, mitigated=mitigated, physical=physical)
    return 1.0 - sum(left) / len(left) if left else 0.0
