"""Values under a fake device's noise model on many qubits, sampled.

The same model as `noisy_device`. A sample draws an event for every error of the circuit. Pauli
errors flip signs of the rotations that follow, so that samples with equal signs are computed once
and all of them together; only a reset acts on a state. The state has as many qubits as the strings
of the rotations need, however many the device's circuit goes through. That no error happens is not
sampled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from qcompile.testing.dense_oracle import Complex, Real
from qcompile.testing.noisy_device import (
    NoisyDevice,
    NoisyGate,
    NoisyProgram,
    idle_times,
)
from qcompile.testing.pauli_frames import (
    RESET,
    Clifford,
    Mixture,
    Pauli,
    Tableau,
    clifford_of,
    mixture_of,
)

AMPLITUDES = 1 << 20
"""Of all states that are kept at a time."""

Bits = np.ndarray


@dataclass(frozen=True, slots=True)
class Samples:
    """Means over samples, one for each output, and the standard errors of `undone`."""

    read: Real
    undone: Real
    standard_errors: Real


@dataclass(frozen=True, slots=True, eq=False)
class _Rotation:
    """exp(-i angle/2 string)."""

    string: Pauli
    angle: float
    flipped: Bits
    """(samples,)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Reset:
    """The samples in which `string` becomes 1, by `raising` where it is -1."""

    string: Pauli
    raising: Pauli
    samples: Bits


@dataclass(frozen=True, slots=True, eq=False)
class _Output:
    string: Pauli
    index: int
    flipped: Bits


_Step = _Rotation | _Reset | _Output


def sampled_values(
    program: NoisyProgram, device: NoisyDevice, samples: int, seed: int = 0
) -> Samples:
    """Values of the outputs as read, and with the errors of reading undone.

    Args:
        samples: In which an error happens, at least; fewer where that is rare.

    Raises:
        ValueError: A gate is neither a Clifford gate nor rz.
    """
    strings = [
        (1, program.operations[out].qubits) if isinstance(out, int) else out
        for out in program.outputs
    ]
    left = np.array([np.prod([_left(device, q) for q in qubits]) for _, qubits in strings])
    drawn = _Drawn(program, device, samples, np.random.default_rng(seed))
    groups = _evolved(drawn, len(strings), np.random.default_rng(seed + 1))
    clear = groups[:, 0]
    undone = drawn.nothing * clear
    spread = np.zeros(len(strings))
    if drawn.count:
        values = groups[:, 1:] * drawn.signs * (drawn.total - drawn.nothing)
        undone = undone + values.mean(axis=1)
        spread = values.std(axis=1) / np.sqrt(drawn.count)
    return Samples(undone * left, undone, spread)


def _left(device: NoisyDevice, qubit: int) -> float:
    """What reading leaves of a Z."""
    up, down = device.reading(qubit)
    if abs(up - down) > 1e-9:
        raise ValueError(f"qubit {qubit} of {device.backend.name} is read with a shift")
    return 1 - up - down


class _Drawn:
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

    def _followed(self, program: NoisyProgram) -> Iterator[_Step]:
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
                    yield _Output(
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
                yield _Rotation(tableau.images[qubit][3], what, frames[2 * qubit].copy())
            if mixture is not None and events is not None:
                yield from _happens(mixture, events, places, frames, tableau)
        for index, out in enumerate(program.outputs):
            if not isinstance(out, int):
                sign, qubits = out
                string = Pauli(phase=0 if sign > 0 else 2)
                flipped = np.zeros(1 + self.count, dtype=bool)
                for qubit in qubits:
                    if qubit in number:
                        string = string * tableau.images[number[qubit]][3]
                        flipped ^= frames[2 * number[qubit]]
                yield _Output(string, index, flipped)


def _happens(
    mixture: Mixture, events: Bits, places: tuple[int, ...], frames: Bits, tableau: Tableau
) -> Iterator[_Reset]:
    for event in np.unique(events[events > 0]):
        chosen = np.flatnonzero(events == event)
        for qubit, what in zip(places, mixture.events[event], strict=True):
            if what == RESET:
                images = tableau.images[qubit]
                # Whatever errors were on the qubit, it is |0⟩ now.
                frames[2 * qubit : 2 * qubit + 2, chosen] = False
                yield _Reset(images[3], images[1], chosen)
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


def _evolved(drawn: _Drawn, outputs: int, random: np.random.Generator) -> Real:
    """(outputs, 1 + samples)."""
    signs = np.array([s.flipped for s in drawn.steps if isinstance(s, _Rotation)], dtype=bool)
    everyone = np.arange(1 + drawn.count)
    reset, beyond = np.zeros((2, 1 + drawn.count), dtype=bool)
    for step in drawn.steps:
        if isinstance(step, _Reset):
            reset[step.samples] = True
    plain = everyone[~reset]
    packed = np.packbits(signs[:, plain], axis=0) if len(signs) else np.zeros((1, len(plain)))
    _, first, alike = np.unique(packed, axis=1, return_index=True, return_inverse=True)
    result = np.zeros((outputs, 1 + drawn.count))
    shared = _chunked(drawn, plain[first], outputs, random)
    result[:, plain] = shared[:, alike.reshape(-1)]
    # Resets of qubits that only lend their places need larger states: those samples go together.
    narrow = _Span(drawn.steps, plain[:1])
    for step in drawn.steps:
        if isinstance(step, _Reset) and not narrow.holds(step):
            beyond[step.samples] = True
    for some in (everyone[reset & ~beyond], everyone[beyond]):
        result[:, some] = _chunked(drawn, some, outputs, random)
    for step in drawn.steps:
        if isinstance(step, _Output):
            result[step.index] *= np.where(step.flipped, -1.0, 1.0)
    return result


def _chunked(drawn: _Drawn, samples: Bits, outputs: int, random: np.random.Generator) -> Real:
    found = [np.zeros((outputs, 0))]
    start = 0
    while start < len(samples):
        size = 256
        while True:
            chunk = samples[start : start + size]
            span = _Span(drawn.steps, chunk)
            if size == 1 or len(chunk) << span.rank <= AMPLITUDES:
                break
            size = max(1, size // 2)
        found.append(_run(drawn.steps, chunk, span, outputs, random))
        start += size
    return np.concatenate(found, axis=1)


class _Span:
    """The bit strings that rotations and resets reach from zero."""

    def __init__(self, steps: Sequence[_Step], samples: Bits) -> None:
        self._basis: list[tuple[int, int]] = []
        """(highest bit, string), each string without the highest bits of those before."""
        self.resets: dict[int, Bits] = {}
        """Columns, by the number of the step."""
        raised = []
        for number, step in enumerate(steps):
            if isinstance(step, _Rotation):
                self._add(step.string.x)
            elif isinstance(step, _Reset):
                columns = np.flatnonzero(np.isin(samples, step.samples))
                if len(columns):
                    self.resets[number] = columns
                    self._add(step.string.x)
                    raised.append(step)
        while needed := [step for step in raised if not self._is_one(step.string)]:
            for step in needed:
                self._add(step.raising.x)
            raised = [step for step in raised if step not in needed]
        self.rank = len(self._basis)
        self.index = np.arange(1 << self.rank)

    def holds(self, step: _Reset) -> bool:
        """Whether the state is large enough for a reset."""
        strings = (step.string.x, 0 if self._is_one(step.string) else step.raising.x)
        return not any(map(self._rest, strings))

    def _rest(self, x: int) -> int:
        """What is left of a bit string that the basis does not make."""
        for top, member in self._basis:
            if x >> top & 1:
                x ^= member
        return x

    def _is_one(self, string: Pauli) -> bool:
        """Whether the string is 1 on all that is reached."""
        odd = any((string.z & member).bit_count() & 1 for _, member in self._basis)
        return not (string.x or string.phase or odd)

    def _add(self, x: int) -> None:
        if x := self._rest(x):
            self._basis.append((x.bit_length() - 1, x))

    def action(self, string: Pauli) -> tuple[int, Complex] | None:
        """(shift, phases): the string takes amplitude y ^ shift times phases[y] to y."""
        shift, x = 0, string.x
        for place, (top, member) in enumerate(self._basis):
            if x >> top & 1:
                x ^= member
                shift |= 1 << place
        if x:
            return None
        mask = sum(
            1 << place
            for place, (_, member) in enumerate(self._basis)
            if (string.z & member).bit_count() & 1
        )
        odd = np.bitwise_count((self.index ^ shift) & mask) & 1
        return shift, (1j**string.phase * np.where(odd, -1, 1)).astype(np.complex64)


def _run(
    steps: Sequence[_Step], samples: Bits, span: _Span, outputs: int, random: np.random.Generator
) -> Real:
    """(outputs, samples), without the signs that errors give to outputs."""
    state = np.zeros((1 << span.rank, len(samples)), dtype=np.complex64)
    state[0] = 1
    values = np.zeros((outputs, len(samples)))
    for number, step in enumerate(steps):
        if isinstance(step, _Reset) and number not in span.resets:
            continue
        action = span.action(step.string)
        if action is None:
            continue
        shift, phases = action
        if isinstance(step, _Rotation):
            signs = np.where(step.flipped[samples], 1, -1)
            sines = (1j * np.sin(step.angle / 2) * signs).astype(np.complex64)
            moved = state[span.index ^ shift] if shift else state.copy()
            moved *= phases[:, None]
            moved *= sines
            state *= np.float32(np.cos(step.angle / 2))
            state += moved
        elif isinstance(step, _Output):
            moved = state[span.index ^ shift] if shift else state
            values[step.index] = (phases @ (state.conj() * moved)).real
        else:
            columns = span.resets[number]
            raising = span.action(step.raising)
            state[:, columns] = _reset(state[:, columns], span, action, raising, random)
    return values


def _reset(
    state: Complex,
    span: _Span,
    string: tuple[int, Complex],
    raising: tuple[int, Complex] | None,
    random: np.random.Generator,
) -> Complex:
    shift, phases = string
    moved = state[span.index ^ shift] * phases[:, None]
    up, down = (state + moved) / 2, (state - moved) / 2
    chance = (np.abs(up) ** 2).sum(axis=0)
    chosen = random.random(state.shape[1]) < chance
    if raising is None:
        return np.asarray(up / np.linalg.norm(up, axis=0))
    shift, phases = raising
    raised = down[span.index ^ shift] * phases[:, None]
    result = np.where(chosen, up, raised)
    return np.asarray(result / np.linalg.norm(result, axis=0))
