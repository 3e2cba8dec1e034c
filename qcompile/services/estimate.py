"""What running circuits takes, before anything is handed in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qcompile.executors.measured.evaluator import SettingPart
from qcompile.executors.measured.gradients import Gradient
from qcompile.executors.measured.service import Placed
from qcompile.ir.circuit import Circuit, Probabilities
from qcompile.ir.circuit_analysis import depth
from qcompile.ir.circuit_text import pauli_text
from qcompile.ir.device import VIRTUAL, Device, gates_of
from qcompile.ir.light_cone import observables
from qcompile.passes.device.predict import attenuations
from qcompile.services.jobs import JobService


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEstimate:
    """The most that some tokens take; equal tokens and earlier results take nothing again."""

    circuits: int
    """Bindings."""
    shots: int
    """0: exact values."""
    jobs: int
    depth: int
    """Of the deepest circuit that is run."""
    seconds: float | None
    """On the device, from the durations of its gates and read-outs, without what lies between two
    shots and in front of a queue; None: not known."""
    copies: int = 1
    """Most circuits side by side on the device, which have their shots in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservableError:
    """What a device's calibration says of one measured value."""

    adapter: str
    circuit: str
    """Of the value in the source, such as `q`."""
    observable: str
    error: float
    """The share of the value that noise takes, in [0, 1]."""


def observable_errors(
    adapter: str,
    name: str,
    logical: Circuit,
    settings: Iterable[SettingPart],
    device: Device,
    *,
    mitigated: bool,
) -> list[ObservableError]:
    """The predicted error of each value of a circuit, as `passes.device.predict` says.

    Of probabilities, of Z on each qubit that is read.
    """
    strings = observables(logical.readout)
    shares: dict[int, float] = {}
    for part in settings:
        circuit = part.program.circuit
        left = attenuations(
            circuit.gates, circuit.readout, device, mitigated=mitigated, physical=part.physical
        )
        whole = isinstance(logical.readout, Probabilities)
        shares |= dict(zip(range(len(strings)) if whole else part.outputs, left, strict=True))
    return [
        ObservableError(
            adapter=adapter, circuit=name, observable=pauli_text(string), error=1.0 - shares[index]
        )
        for index, string in enumerate(strings)
    ]


def estimate(
    circuits: Iterable[tuple[SettingPart, ...]],
    service: JobService,
    *,
    tokens: int,
    training: bool,
    gradient: Gradient,
) -> RunEstimate:
    """Add up every circuit of every module.

    Args:
        circuits: The settings of each circuit, once for every module that has it.
        service: Where they run.
        tokens: Of one call; several calls take so many times as much.
        training: With the gradients of data and angles.
        gradient: How gradients are found.
    """
    device, limits = service.device, service.provider.limits
    total = jobs = read = deepest = 0
    beside = 1
    seconds: float | None = 0.0
    for settings in circuits:
        calls = [_rows(settings, tokens)]
        if training:
            forward = calls[0]
            more = [_for_gradient(part, gradient) for part in settings]
            calls.append([rows * count for rows, count in zip(forward, more, strict=True)])
        asked = [(k, s) for k, part in enumerate(settings) for s in service.samplings(part.placed)]
        own = [0] * len(asked)
        for call in calls:
            for job in limits.jobs(
                (call[k], len(sampling.placed.copies), sampling.shots) for k, sampling in asked
            ):
                jobs += 1
                for size in job:
                    total += size.circuits
                    own[size.circuit] += size.bindings * (size.shots or 0)
                    beside = max(beside, size.copies)
        read += sum(own)
        for (_, sampling), shots in zip(asked, own, strict=True):
            deepest = max(deepest, depth(sampling.placed.circuit.gates))
            once = None if device is None else shot_seconds(sampling.placed, device)
            if seconds is not None:
                seconds = None if once is None else seconds + once * shots
    return RunEstimate(
        circuits=total,
        shots=read,
        jobs=jobs,
        depth=deepest,
        seconds=seconds if service.shots is not None else None,
        copies=beside,
    )


def _rows(settings: Sequence[SettingPart], tokens: int) -> list[int]:
    """Bindings of each setting."""
    return [tokens if part.program.data_width else 1 for part in settings]


def _for_gradient(part: SettingPart, gradient: Gradient) -> int:
    if gradient.method == "spsa":
        return 2 * gradient.repeats
    return part.program.evaluations(data=True, angles=True)


def shot_seconds(placed: Placed, device: Device) -> float | None:
    """One shot: gates as early as possible, then the slowest read-out; None: not known."""
    if placed.physical is None:
        return None
    known = gates_of(device)
    ready = [0.0] * placed.circuit.qubits
    for gate in placed.circuit.gates:
        if gate.name in VIRTUAL:
            continue
        places = tuple(placed.physical[qubit] for qubit in gate.qubits)
        found = known.get((gate.name, places)) or known.get((gate.name, places[::-1]))
        if found is None or found.duration is None:
            return None
        end = max(ready[qubit] for qubit in gate.qubits) + found.duration
        for qubit in gate.qubits:
            ready[qubit] = end
    reading = device.readout_durations
    slowest = [reading[qubit] for qubit in placed.physical] if reading else [None]
    if any(time is None for time in slowest):
        return None
    return max(ready, default=0.0) + max(time for time in slowest if time is not None)
