"""Devices that nobody built: a coupling map with figures drawn around given ones."""

from __future__ import annotations

import math
import random
from dataclasses import replace

from qcompile.ir.device import VIRTUAL, Device, NativeGate, gates_of
from qcompile.ir.gates import GATES


def synthetic_device(
    ideal: Device,
    *,
    one_qubit: float = 3e-4,
    two_qubit: float = 5e-3,
    readout: float = 1e-2,
    t1: float = 200e-6,
    t2: float = 150e-6,
    durations: tuple[float, float, float] = (32e-9, 68e-9, 1.5e-6),
    spread: float = 0.5,
    seed: int = 0,
) -> Device:
    """The device with a calibration: each figure times exp(spread · g), g normal.

    Args:
        ideal: What gives gates and couplings.
        one_qubit: Median error of a pulse.
        two_qubit: Median error of a two-qubit gate, the same in both directions of a coupling.
        readout: Median of P(read 1 | is 0) and of P(read 0 | is 1).
        t1: Median T1, seconds.
        t2: Median T2, seconds; never above 2 T1.
        durations: Seconds of a pulse, a two-qubit gate, a reading; the same everywhere.
        spread: 0 gives the same figures everywhere.
        seed: Equal seeds give equal devices.
    """
    drawn = random.Random(seed)

    def around(median: float) -> float:
        return median * math.exp(spread * drawn.gauss(0.0, 1.0))

    def rate(median: float, most: float) -> float:
        return min(around(median), most)

    places: list[tuple[int, ...]] = [*((qubit,) for qubit in range(ideal.qubits)), *ideal.edges]
    errors = {place: rate(one_qubit if len(place) == 1 else two_qubit, 0.5) for place in places}
    gates: list[NativeGate] = []
    for (name, qubits), gate in sorted(gates_of(ideal).items()):
        virtual = name in VIRTUAL
        gates.append(
            replace(
                gate,
                error=0.0 if virtual else errors[tuple(sorted(qubits))],
                duration=0.0 if virtual else durations[GATES[name].qubits - 1],
            )
        )
    relaxation = []
    for _ in range(ideal.qubits):
        first = around(t1)
        relaxation.append((first, min(around(t2), 2 * first)))
    return replace(
        ideal,
        gates=tuple(gates),
        gate_errors=tuple(sorted(errors.items())),
        readout_errors=tuple(
            (rate(readout, 0.49), rate(readout, 0.49)) for _ in range(ideal.qubits)
        ),
        readout_durations=(durations[2],) * ideal.qubits,
        relaxation=tuple(relaxation),
    )
