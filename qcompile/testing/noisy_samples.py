"""Values under a fake device's noise model on many qubits, sampled.

The same model as `noisy_device`. A sample draws an event for every error of the circuit. Pauli
errors flip signs of the rotations that follow, so that samples with equal signs are computed once
and all of them together; only a reset acts on a state. The state has as many qubits as the strings
of the rotations need, however many the device's circuit goes through. That no error happens is not
sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qcompile.testing.dense_oracle import Real
from qcompile.testing.noisy_device import NoisyDevice, NoisyProgram
from qcompile.testing.noisy_events import Bits, Drawn, NoisyRotation, Output, Relaxation, Step
from qcompile.testing.pauli_frames import PauliFrame

AMPLITUDES = 1 << 20
"""Of all states that are kept at a time."""

MOST = 256
"""States that are kept at a time."""

Amplitudes = np.ndarray


@dataclass(frozen=True, slots=True)
class Samples:
    """Means over samples, one for each output, and the standard errors of `undone`."""

    read: Real
    undone: Real
    standard_errors: Real


def sampled_values(
    program: NoisyProgram, device: NoisyDevice, samples: int, seed: int = 0
) -> Samples:
    """Values of the outputs as read, and with the errors of reading undone.

    Args:
        samples: In which an error happens, at most; fewer where that is rare.

    Raises:
        ValueError: A gate is neither a Clifford gate nor rz.
    """
    strings = [
        (1, program.operations[out].qubits) if isinstance(out, int) else out
        for out in program.outputs
    ]
    left = np.array([np.prod([_left(device, q) for q in qubits]) for _, qubits in strings])
    drawn = Drawn(program, device, samples, np.random.default_rng(seed))
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


def _evolved(drawn: Drawn, outputs: int, random: np.random.Generator) -> Real:
    """(outputs, 1 + samples)."""
    signs = np.array([s.flipped for s in drawn.steps if isinstance(s, NoisyRotation)], dtype=bool)
    everyone = np.arange(1 + drawn.count)
    reset, beyond = np.zeros((2, 1 + drawn.count), dtype=bool)
    for step in drawn.steps:
        if isinstance(step, Relaxation):
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
        if isinstance(step, Relaxation) and not narrow.holds(step):
            beyond[step.samples] = True
    for some in (everyone[reset & ~beyond], everyone[beyond]):
        result[:, some] = _chunked(drawn, some, outputs, random)
    for step in drawn.steps:
        if isinstance(step, Output):
            result[step.index] *= np.where(step.flipped, -1.0, 1.0)
    return result


def _chunked(drawn: Drawn, samples: Bits, outputs: int, random: np.random.Generator) -> Real:
    found = [np.zeros((outputs, 0))]
    start, size = 0, MOST
    while start < len(samples):
        chunk = samples[start : start + size]
        span = _Span(drawn.steps, chunk)
        if size > 1 and len(chunk) << span.rank > AMPLITUDES:
            size //= 2
            continue
        found.append(_run(drawn.steps, chunk, span, outputs, random))
        start += size
    return np.concatenate(found, axis=1)


class _Span:
    """The bit strings that rotations and resets reach from zero."""

    def __init__(self, steps: Sequence[Step], samples: Bits) -> None:
        self._basis: list[tuple[int, int]] = []
        """(highest bit, string), each string without the highest bits of those before."""
        self.resets: dict[int, Bits] = {}
        """Columns, by the number of the step."""
        raised = []
        for number, step in enumerate(steps):
            if isinstance(step, NoisyRotation):
                self._add(step.string.x)
            elif isinstance(step, Relaxation):
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

    def holds(self, step: Relaxation) -> bool:
        """Whether the state is large enough for a reset."""
        strings = (step.string.x, 0 if self._is_one(step.string) else step.raising.x)
        return not any(map(self._rest, strings))

    def _rest(self, x: int) -> int:
        """What is left of a bit string that the basis does not make."""
        for top, member in self._basis:
            if x >> top & 1:
                x ^= member
        return x

    def _is_one(self, string: PauliFrame) -> bool:
        """Whether the string is 1 on all that is reached."""
        odd = any((string.z & member).bit_count() & 1 for _, member in self._basis)
        return not (string.x or string.phase or odd)

    def _add(self, x: int) -> None:
        if x := self._rest(x):
            self._basis.append((x.bit_length() - 1, x))

    def action(self, string: PauliFrame) -> tuple[int, Amplitudes] | None:
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
    steps: Sequence[Step], samples: Bits, span: _Span, outputs: int, random: np.random.Generator
) -> Real:
    """(outputs, samples), without the signs that errors give to outputs."""
    state = np.zeros((1 << span.rank, len(samples)), dtype=np.complex64)
    state[0] = 1
    values = np.zeros((outputs, len(samples)))
    for number, step in enumerate(steps):
        if isinstance(step, Relaxation) and number not in span.resets:
            continue
        action = span.action(step.string)
        if action is None:
            continue
        shift, phases = action
        if isinstance(step, NoisyRotation):
            signs = np.where(step.flipped[samples], 1, -1)
            sines = (1j * np.sin(step.angle / 2) * signs).astype(np.complex64)
            moved = state[span.index ^ shift] if shift else state.copy()
            moved *= phases[:, None]
            moved *= sines
            state *= np.float32(np.cos(step.angle / 2))
            state += moved
        elif isinstance(step, Output):
            moved = state[span.index ^ shift] if shift else state
            values[step.index] = (phases @ (state.conj() * moved)).real
        else:
            columns = span.resets[number]
            raising = span.action(step.raising)
            state[:, columns] = _reset(state[:, columns], span, action, raising, random)
    return values


def _reset(
    state: Amplitudes,
    span: _Span,
    string: tuple[int, Amplitudes],
    raising: tuple[int, Amplitudes] | None,
    random: np.random.Generator,
) -> Amplitudes:
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
