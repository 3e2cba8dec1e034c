"""What a source says of a device, and the Device that is left of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.devices import DeviceNotSupported, DeviceUnusable
from qcompile.diagnostics.source import Span
from qcompile.ir.device import VIRTUAL, Device, NativeGate
from qcompile.ir.gates import GATES, GateName
from qcompile.ir.native_sets import lacking

NATIVE_ORDER: tuple[GateName, ...] = ("rz", "sx", "x", "cz", "cx")
"""The gates that come first among a device's."""

SHORTEST_SAMPLE = 1e-15
"""Seconds of a dt; one of the files of Qiskit is shorter, by a factor of units."""

FOREIGN_NAMES = {"u1": "phase", "p": "phase", "u3": "rot", "u": "rot", "r": "prx"}
"""Names elsewhere of gates that have another one here; angles in another order are meant, too."""


def native_name(name: str) -> GateName | None:
    """Our name of a gate of Qiskit, None for what is no gate of ours, such as `id`, `delay`."""
    name = FOREIGN_NAMES.get(name, name)
    if name in GATES.built_in:
        return name
    return next((ours for ours, kind in GATES.built_in.items() if kind.qiskit == name), None)


def better_than_guessing(up: float | None, down: float | None) -> tuple[float, float] | None:
    """(P(read 1 | is 0), P(read 0 | is 1)), or None where a reading tells nothing."""
    if up is None or down is None or not (min(up, down) >= 0.0 and up + down < 1.0):
        return None
    return up, down


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredDevice:
    """All that a source states, numbers as they were measured: also those of what does not work."""

    name: str
    qubits: int
    gates: tuple[NativeGate, ...]
    readout_errors: tuple[tuple[float, float] | None, ...] = ()
    """Per qubit (P(read 1 | is 0), P(read 0 | is 1)); empty: unknown."""
    readout_durations: tuple[float | None, ...] = ()
    relaxation: tuple[tuple[float | None, float | None], ...] = ()
    dt: float | None = None
    calibrated: str | None = None
    angle_bounds: tuple[tuple[GateName, float, float], ...] = ()


def working_device(measured: MeasuredDevice, span: Span | None = None) -> Device:
    """The device without what does not work.

    Qubits and couplings of which a gate has an error of 1 or more, or none where others have one,
    or whose reading is unknown or worse than guessing, are left without gates. So are gates that
    do not take an angle of π/2, which makes a cz or a pulse. Times that cannot be are unknown, and
    a T2 above 2 T1, which fits of noisy decays give, counts as 2 T1.

    Raises:
        CompileError: QA4204 where nothing is left, QA4203 where circuits cannot be written in its
            gates.
    """
    name = measured.name
    known = {gate.name for gate in measured.gates if gate.error is not None}
    unfit = {gate for gate, low, high in measured.angle_bounds if not low <= math.pi / 2 <= high}
    stated = [gate for gate in measured.gates if gate.name not in unfit]
    working = [gate for gate in stated if _works(gate, known)]
    alive = _working_qubits(measured, stated, working)
    if not alive:
        raise CompileError(DeviceUnusable(name=name, reason="none of its qubits works", span=span))
    gates = tuple(
        replace(gate, duration=_duration(gate))
        for gate in sorted(working, key=lambda gate: (gate.name, gate.qubits))
        if set(gate.qubits) <= alive
    )
    edges = tuple(sorted({edge for gate in gates if (edge := _edge(gate)) is not None}))
    if measured.qubits > 1 and not edges:
        reason = "none of its couplings works"
        raise CompileError(DeviceUnusable(name=name, reason=reason, span=span))
    present = {gate.name for gate in gates}
    native = tuple(gate for gate in NATIVE_ORDER if gate in present)
    native += tuple(sorted(present - set(native)))
    missing = lacking(native, measured.qubits)
    if missing is not None:
        names = tuple(sorted({gate.name for gate in measured.gates}))
        raise CompileError(DeviceNotSupported(name=name, gates=names, lacks=missing, span=span))
    reading = measured.readout_errors if any(measured.readout_errors) else ()
    times = tuple(_time(seconds) or None for seconds in measured.readout_durations)
    relaxation = tuple(_relaxation(t1, t2) for t1, t2 in measured.relaxation)
    return Device(
        name=name,
        qubits=measured.qubits,
        edges=edges,
        native=native,
        gate_errors=_errors_of_places(gates, edges),
        readout_errors=tuple((0.5, 0.5) if pair is None else pair for pair in reading),
        calibrated=measured.calibrated,
        gates=gates,
        readout_durations=times if any(time is not None for time in times) else (),
        relaxation=relaxation if any(pair != (None, None) for pair in relaxation) else (),
        dt=measured.dt,
        angle_bounds=tuple(bound for bound in measured.angle_bounds if bound[0] in native),
    )


def possible_sample(measured: MeasuredDevice) -> float | None:
    """The dt in which durations can be counted; None without one."""
    times = (*(gate.duration for gate in measured.gates), *measured.readout_durations)
    known = [seconds for time in times if (seconds := _time(time))]
    dt = measured.dt
    return dt if dt is not None and SHORTEST_SAMPLE <= dt <= min(known, default=1.0) else None


def _works(gate: NativeGate, known: set[GateName]) -> bool:
    if gate.error is None:
        return gate.name not in known
    return math.isfinite(gate.error) and 0.0 <= gate.error < 1.0


def _working_qubits(
    measured: MeasuredDevice, stated: Iterable[NativeGate], working: Iterable[NativeGate]
) -> set[int]:
    """Those that have all one-qubit gates of the device and can be read."""
    wanted = {gate.name for gate in stated if len(gate.qubits) == 1}
    has: dict[int, set[GateName]] = {}
    for gate in working:
        if len(gate.qubits) == 1:
            has.setdefault(gate.qubits[0], set()).add(gate.name)
    reading = measured.readout_errors
    read = any(reading)
    return {
        qubit
        for qubit, names in has.items()
        if names == wanted and (not read or reading[qubit] is not None)
    }


def _edge(gate: NativeGate) -> tuple[int, int] | None:
    return (min(gate.qubits), max(gate.qubits)) if len(gate.qubits) == 2 else None


def _errors_of_places(
    gates: Iterable[NativeGate], edges: Iterable[tuple[int, int]]
) -> tuple[tuple[tuple[int, ...], float], ...]:
    """One figure a place: of a qubit its worst pulse, of a coupling its best gate in the worse
    direction.
    """
    pulses: dict[tuple[int, ...], float] = {}
    links: dict[tuple[int, ...], dict[GateName, float]] = {edge: {} for edge in edges}
    for gate in gates:
        edge = _edge(gate)
        if gate.error is None or gate.name in VIRTUAL:
            continue
        if edge is None:
            pulses[gate.qubits] = max(gate.error, pulses.get(gate.qubits, 0.0))
        else:
            links[edge][gate.name] = max(gate.error, links[edge].get(gate.name, 0.0))
    best = {edge: min(named.values()) for edge, named in links.items() if named}
    return tuple(sorted((pulses | best).items()))


def _duration(gate: NativeGate) -> float | None:
    """No time is taken by changes of phases alone."""
    seconds = _time(gate.duration)
    return seconds if seconds or gate.name in VIRTUAL else None


def _time(seconds: float | None) -> float | None:
    possible = seconds is not None and math.isfinite(seconds) and seconds >= 0.0
    return seconds if possible else None


def _relaxation(t1: float | None, t2: float | None) -> tuple[float | None, float | None]:
    t1, t2 = _time(t1) or None, _time(t2) or None
    return t1, t2 if t1 is None or t2 is None else min(t2, 2 * t1)
