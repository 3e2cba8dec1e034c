"""What the errors of a device do to a circuit, drawn: steps between which nothing happens.

Gates are those of a fake device, Clifford gates and rz, as rotations about Pauli strings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from qcompile.testing.noisy_device import NoisyDevice, NoisyGate, NoisyProgram, idle_times
from qcompile.testing.pauli_frames import (
    RESET,
    Clifford,
    Mixture,
    PauliFrame,
    Tableau,
    clifford_of,
    mixture_of,
)

Bits = np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class NoisyRotation:
    """exp(-i angle/2 string)."""

    string: PauliFrame
    angle: float
    flipped: Bits
    """(samples,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Relaxation:
    """The samples in which `string` becomes 1, by `raising` where it is -1."""

    string: PauliFrame
    raising: PauliFrame
    samples: Bits


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """The value of a string, and the samples in which it has the other sign."""

    string: PauliFrame
    index: int
    flipped: Bits


Step = NoisyRotation | Relaxation | Output


class Drawn:
    """What happens in each sample; the first is that without errors."""

    def __init__(
        self, program: NoisyProgram, device: NoisyDevice, samples: int, drawn: np.random.Generator
    ) -> None:
        self.places = list(_places(program, device))
        mixtures = [mixture for _, _, mixture in self.places if mixture is not None]
        self.total = float(np.prod([mixture.total for mixture in mixtures]))
        self.nothing = float(np.prod([mixture.weights[0] for mixture in mixtures]))
        share = 1 - self.nothing / self.total
        tried = min(20 * samples, round(samples / share) if share > 0.05 else 20 * samples)
        events = [
            None if mixture is None else mixture.drawn(drawn, tried)
            for _, _, mixture in self.places
        ]
        happened = np.zeros(tried, dtype=bool)
        for found in events:
            if found is not None:
                happened |= found > 0
        chosen = np.flatnonzero(happened)[:samples]
        self.count = len(chosen)
        self.events = [
            None if e is None else np.concatenate([[0], e[chosen]]).astype(np.int8) for e in events
        ]
        self.signs = np.ones(self.count)
        for (_, _, mixture), found in zip(self.places, self.events, strict=True):
            if mixture is not None and found is not None:
                self.signs *= np.sign(mixture.weights)[found[1:]]
        self.steps = list(self._followed(program))

    def _followed(self, program: NoisyProgram) -> Iterator[Step]:
        used = sorted({q for operation in program.operations for q in operation.qubits})
        number = {qubit: index for index, qubit in enumerate(used)}
        tableau = Tableau(len(used))
        frames = np.zeros((2 * len(used), 1 + self.count), dtype=bool)
        early = {out: index for index, out in enumerate(program.outputs) if isinstance(out, int)}
        position = -1
        for (what, qubits, mixture), events in zip(self.places, self.events, strict=True):
            places = tuple(number[qubit] for qubit in qubits)
            if isinstance(what, _Measured):
                position = what.position
                if position in early:
                    yield Output(
                        tableau.images[places[0]][3], early[position], frames[2 * places[0]].copy()
                    )
            elif isinstance(what, Clifford):
                tableau.apply(what, places)
                rows = [2 * q + part for q in places for part in (0, 1)]
                frames[rows] = [
                    np.bitwise_xor.reduce(frames[[rows[source] for source in sources]])
                    for sources in what.moves
                ]
            elif what is not None:
                (qubit,) = places
                yield NoisyRotation(tableau.images[qubit][3], what, frames[2 * qubit].copy())
            if mixture is not None and events is not None:
                yield from _happens(mixture, events, places, frames, tableau)
        for index, out in enumerate(program.outputs):
            if not isinstance(out, int):
                sign, qubits = out
                string = PauliFrame(phase=0 if sign > 0 else 2)
                flipped = np.zeros(1 + self.count, dtype=bool)
                for qubit in qubits:
                    if qubit in number:
                        string = string * tableau.images[number[qubit]][3]
                        flipped ^= frames[2 * number[qubit]]
                yield Output(string, index, flipped)


def _happens(
    mixture: Mixture, events: Bits, places: tuple[int, ...], frames: Bits, tableau: Tableau
) -> Iterator[Relaxation]:
    for event in np.unique(events[events > 0]):
        chosen = np.flatnonzero(events == event)
        for qubit, what in zip(places, mixture.events[event], strict=True):
            if what == RESET:
                images = tableau.images[qubit]
                # Whatever errors were on the qubit, it is |0⟩ now.
                frames[2 * qubit : 2 * qubit + 2, chosen] = False
                yield Relaxation(images[3], images[1], chosen)
            elif what:
                frames[2 * qubit, chosen] ^= what in (1, 2)
                frames[2 * qubit + 1, chosen] ^= what in (2, 3)


@dataclass(frozen=True, slots=True)
class _Measured:
    position: int


def _places(
    program: NoisyProgram, device: NoisyDevice
) -> Iterator[tuple[Clifford | float | _Measured | None, tuple[int, ...], Mixture | None]]:
    """(a gate, the angle of an rz, or nothing; its qubits; the error that follows)."""
    cliffords: dict[NoisyGate, Clifford | None] = {}
    errors: dict[tuple[str, tuple[int, ...]], Mixture | None] = {}
    waiting = idle_times(program.operations, device)
    seen = _seen(program)
    for position, (operation, waits) in enumerate(zip(program.operations, waiting, strict=True)):
        if position not in seen:
            continue
        if operation.name == "measure":
            blurred = Mixture(events=((0,), (3,)), weights=np.array([0.5, 0.5]))
            yield _Measured(position), operation.qubits, blurred
        else:
            key = operation.name, operation.qubits
            if key not in errors:
                noise = device.noise(operation)
                errors[key] = None if noise is None else mixture_of(noise)
            if operation not in cliffords:
                cliffords[operation] = _clifford(operation, device)
            gate = cliffords[operation]
            what = operation.angles[0] if gate is None else gate
            yield what, operation.qubits, errors[key]
        for qubit, seconds in waits:
            error = mixture_of(device.relaxation(qubit, seconds))
            if error is not None:
                yield None, (qubit,), error


def _seen(program: NoisyProgram) -> set[int]:
    """The operations that an output can depend on."""
    needed = {q for out in program.outputs if not isinstance(out, int) for q in out[1]}
    early = {out for out in program.outputs if isinstance(out, int)}
    found = set()
    for position in reversed(range(len(program.operations))):
        qubits = program.operations[position].qubits
        if position in early or not needed.isdisjoint(qubits):
            found.add(position)
            needed.update(qubits)
    return found


def _clifford(operation: NoisyGate, device: NoisyDevice) -> Clifford | None:
    """None of an rz by another angle than a multiple of π/2."""
    found = clifford_of(device.ideal_transfer(operation))
    if found is None and operation.name != "rz":
        raise ValueError(f"{operation.name}{operation.angles} is neither a Clifford gate nor rz")
    return found
