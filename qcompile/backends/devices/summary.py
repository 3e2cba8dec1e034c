"""What is worth knowing of a device at a glance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from qcompile.ir.device import Device, gates_of
from qcompile.ir.gates import GateName


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Least, median and greatest of what is known; times in seconds."""

    least: float
    median: float
    greatest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSummary:
    """A native gate, over the qubits or directed couplings where it works."""

    name: GateName
    places: int
    error: Spread | None
    duration: Spread | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSummary:
    """A device in figures; None: unknown."""

    name: str
    qubits: int
    couplings: int
    calibrated: str | None
    gates: tuple[GateSummary, ...]
    coupling_error: Spread | None
    """Of the best gate of each coupling, in its worse direction."""
    readout_error: Spread | None
    """Of both kinds: reading 1 of a qubit in 0, and 0 of one in 1."""
    readout_duration: Spread | None
    t1: Spread | None
    t2: Spread | None


def summary_of(device: Device) -> DeviceSummary:
    """The figures of a device."""
    gates = gates_of(device).values()
    return DeviceSummary(
        name=device.name,
        qubits=device.qubits,
        couplings=len(device.edges),
        calibrated=device.calibrated,
        gates=tuple(
            GateSummary(
                name=name,
                places=sum(gate.name == name for gate in gates),
                error=_figures(gate.error for gate in gates if gate.name == name),
                duration=_figures(gate.duration for gate in gates if gate.name == name),
            )
            for name in device.native
        ),
        coupling_error=_figures(rate for place, rate in device.gate_errors if len(place) == 2),
        readout_error=_figures(rate for pair in device.readout_errors for rate in pair),
        readout_duration=_figures(device.readout_durations),
        t1=_figures(first for first, _ in device.relaxation),
        t2=_figures(second for _, second in device.relaxation),
    )


def _figures(values: Iterable[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(least=min(known), median=median(known), greatest=max(known))
