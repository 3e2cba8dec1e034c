"""The noise of a device on a routed circuit, read off its calibration.

The model is that of qiskit-aer's `NoiseModel.from_backend`: with each gate, its qubits relax for
the gate's duration (T1, T2, towards |0⟩), and before that depolarise as far as the calibrated error
is more than relaxation explains; a qubit that waits relaxes; readings flip. What is not known is
perfect.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qcompile.ir.circuit import Circuit, Gate
from qcompile.ir.device import VIRTUAL, Device, NativeGate, RoutedCircuit, gates_of
from qcompile.ir.gates import GateName

Times = tuple[float | None, float | None]
"""(T1, T2) of a qubit in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateNoise:
    """What comes with a native gate."""

    name: GateName
    qubits: tuple[int, ...]
    """In the gate's own order."""
    duration: float
    """Seconds."""
    depolarising: float
    """p of ρ → (1 - p) ρ + p · 1/2^k, beside the relaxation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceNoise:
    """Of the qubits and gates that a routed circuit uses, by its own numbers of qubits."""

    gates: tuple[GateNoise, ...]
    """One for each (name, qubits) that has any, sorted."""
    relaxation: tuple[Times, ...]
    """Per qubit."""
    readout: tuple[tuple[float, float], ...]
    """Per qubit (P(read 1 | is 0), P(read 0 | is 1))."""


def noise_on(device: Device, routed: RoutedCircuit) -> DeviceNoise:
    """The noise of a circuit that is routed onto `device`."""
    native = gates_of(device)
    relaxation = tuple(
        device.relaxation[qubit] if device.relaxation else (None, None) for qubit in routed.physical
    )
    found: dict[tuple[GateName, tuple[int, ...]], GateNoise] = {}
    for gate in routed.circuit.gates:
        key = gate.name, gate.qubits
        if key not in found:
            there = native[gate.name, tuple(routed.physical[qubit] for qubit in gate.qubits)]
            times = [relaxation[qubit] for qubit in gate.qubits]
            found[key] = gate_noise(there, gate.qubits, times)
    return DeviceNoise(
        gates=tuple(
            noise
            for _, noise in sorted(found.items())
            if noise.duration > 0.0 or noise.depolarising > 0.0
        ),
        relaxation=relaxation,
        readout=tuple(
            device.readout_errors[qubit] if device.readout_errors else (0.0, 0.0)
            for qubit in routed.physical
        ),
    )


def untimed_gates(circuit: Circuit, physical: Sequence[int], device: Device) -> tuple[str, ...]:
    """Native gates of a circuit on these qubits whose durations are not known, sorted."""
    known = gates_of(device)
    found = set()
    for gate in circuit.gates:
        native = known.get((gate.name, tuple(physical[qubit] for qubit in gate.qubits)))
        if gate.name not in VIRTUAL and (native is None or native.duration is None):
            found.add(gate.name)
    return tuple(sorted(found))


def gate_noise(native: NativeGate, qubits: tuple[int, ...], times: Sequence[Times]) -> GateNoise:
    """Depolarising makes up for what relaxation does not explain of the average infidelity.

    Args:
        native: The gate, with its error and duration.
        qubits: What to call its qubits.
        times: Of its qubits, in the gate's order.
    """
    duration = native.duration or 0.0
    size = 2 ** len(qubits)
    total = 1.0
    for time in times:
        blur, decay = relaxed(time, duration)
        total *= 1 + 2 * blur + decay
    fidelity = (total / size + 1) / (size + 1)
    beyond = min(native.error or 0.0, size / (size + 1)) - (1 - fidelity)
    share = 0.0
    if beyond > 0.0:
        share = min(size * beyond / (size * fidelity - 1), size**2 / (size**2 - 1))
    return GateNoise(name=native.name, qubits=qubits, duration=duration, depolarising=share)


def relaxed(times: Times, seconds: float) -> tuple[float, float]:
    """What is left of X and Y, and of Z, which moves towards 1 by the rest."""
    t1, t2 = times
    decay = 1.0 if t1 is None else math.exp(-seconds / t1)
    if t2 is None:
        return math.sqrt(decay), decay
    return math.exp(-seconds / (t2 if t1 is None else min(t2, 2 * t1))), decay


def waits(
    gates: Sequence[Gate], seconds: Callable[[Gate], float]
) -> list[tuple[tuple[int, float], ...]]:
    """For each gate, how long (qubit, seconds) its qubits wait for their next one.

    Gates run as late as they can; all qubits are read at the same time.
    """
    start: dict[int, float] = {}
    found = []
    for gate in reversed(gates):
        end = min(start.get(qubit, 0.0) for qubit in gate.qubits)
        found.append(
            tuple(
                (qubit, gap)
                for qubit in gate.qubits
                if (gap := start.get(qubit, 0.0) - end) > SIMULTANEOUS
            )
        )
        start.update(dict.fromkeys(gate.qubits, end - seconds(gate)))
    return found[::-1]


SIMULTANEOUS = 1e-12
"""Seconds that are rounding."""
