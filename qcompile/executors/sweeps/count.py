"""What a sweep program does, counted operation by operation, as `build` carries it out.

The counts are those of eager torch: a matrix product's FLOPs, elementwise FLOPs, elements that are
written (copies included), operations, and elements that autograd keeps for backward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qcompile.executors.sweeps.count_start import count_start
from qcompile.executors.sweeps.count_state import State, dimension_of, is_run
from qcompile.executors.sweeps.count_tables import CountedTables
from qcompile.executors.sweeps.families import rotates
from qcompile.executors.sweeps.program import (
    BlockSweep,
    DataPhaseSweep,
    ExpectationRead,
    MitigatedRead,
    NoiseSweep,
    PermuteSweep,
    PhaseSweep,
    ProbabilityRead,
    Setting,
    SignSweep,
    Sweep,
    SweepProgram,
    TurnSweep,
    UnitarySweep,
)
from qcompile.ir.work import Work


def count(program: SweepProgram) -> Work:
    """Forward work of one call."""
    return Counter(program.wires).program(program)


class Counter:
    """Adds up the work of sweeps that share their tables."""

    def __init__(self, wires: int) -> None:
        self.wires = wires
        self.dimension = dimension_of(wires)
        self.work = Work()
        self.tables = CountedTables(wires, self.work)
        self.groups: list[State] = []
        """The unitaries of each group, columns side by side."""
        self.last: State | None = None
        """What a program reads."""

    def program(self, program: SweepProgram) -> Work:
        for run in (
            *(sweep for s in _settings(program) for sweep in [s.sweeps]),
            *(member for members in program.groups for member in members),
            program.sweeps,
        ):
            self.tables.collect(run)
        self.tables.count()
        for members in program.groups:
            self.groups.append(self.unitaries(members))
        state = self.sweeps(program.sweeps, count_start(program, self.work))
        self.last = state
        self._read(program, state)
        return self.work

    def sweeps(self, sweeps: Sequence[Sweep], state: State) -> State:
        """Each on the state that the one before leaves."""
        for sweep in sweeps:
            state = self._sweep(sweep, state)
        return state

    def _sweep(self, sweep: Sweep, state: State) -> State:
        match sweep:
            case PhaseSweep():
                return self._phases(state, batched=False, grad=self.tables.train())
            case DataPhaseSweep():
                return self._phases(state, batched=True, grad=True)
            case SignSweep():
                self.work.elementwise(state.size, batched=state.batched)
                return state.after()
            case BlockSweep():
                return self._block(sweep, state)
            case TurnSweep():
                return self._turn(state)
            case PermuteSweep():
                self.work.write(state.size, batched=state.batched)
                return state.after()
            case NoiseSweep():
                return self._noise(sweep, state)
            case UnitarySweep(group=group):
                return self.unitary(self.groups[group], state)

    def _phases(self, state: State, *, batched: bool, grad: bool) -> State:
        after = state.after(parts=2, batched=batched, grad=grad)
        half = after.size // 2
        if state.parts == 1:
            self.work.elementwise(half, batched=after.batched)
            self.work.elementwise(half, batched=after.batched)
            self.work.write(after.size, batched=after.batched)
            state.keep(self.work, grad)
            return after
        self._rotate(after.size, batched=after.batched)
        state.keep(self.work, state.grad or grad)
        return after

    def _rotate(self, size: int, *, batched: bool) -> None:
        """One product and two fused multiply-adds on half of the elements each."""
        self.work.elementwise(size, batched=batched)
        for _ in range(2):
            self.work.elementwise(size // 2, flops=size, batched=batched)

    def _block(self, sweep: BlockSweep, state: State) -> State:
        inner = 2 ** (sweep.stop - sweep.start)
        left = 2**sweep.start
        grad = rotates(sweep.chains) and self.tables.train()
        on = state.batched
        if not state.contiguous and left > 1:
            self.work.write(state.size, batched=on)
        after = state.after(parts=None if sweep.real else 2, grad=grad)
        rows, table = state.rows, state.rows * inner * inner
        if sweep.real:
            # One row is repeated without a copy.
            if rows > 1 and state.parts * left > 1:
                self._copied(table * state.parts * left, state.grad)
            self.work.product(2 * inner * state.size, after.size, batched=on)
            state.keep(self.work, grad)
        elif left == 1 and state.parts == 2:
            self._joint(rows, inner, state.grad)
            self.work.product(4 * inner * after.size, after.size, batched=on)
            state.keep(self.work, grad)
        else:
            if rows > 1:
                if left > 1:
                    for _ in range(2):
                        self._copied(table * left, state.grad)
                if state.parts == 2:
                    for _ in range(2):
                        self.work.write(state.size // 2, batched=on)
            state.keep(self.work, grad)
            for _ in range(2 * state.parts):
                half = after.size // 2
                self.work.product(2 * inner * half, half, batched=on)
            self.work.write(after.size, batched=on)
        return after

    def _copied(self, size: int, kept: bool) -> None:
        """A matrix that is written out for each part of the state."""
        self.work.write(size, batched=False)
        if kept:
            self.work.keep(size, batched=False)

    def _joint(self, rows: int, inner: int, kept: bool) -> None:
        """A complex matrix as a real one of twice the size."""
        size = rows * inner * inner
        self.work.elementwise(size, batched=False)
        self.work.write(2 * size, batched=False)
        self.work.write(2 * size, batched=False)
        self._copied(4 * size, kept)

    def _turn(self, state: State) -> State:
        after = state.after(batched=True, grad=True)
        if not state.batched or not state.contiguous:
            self.work.write(after.size, batched=True)
            self.work.keep(after.size, batched=True)
        else:
            state.keep(self.work, True)
        self._rotate(after.size, batched=True)
        return after

    def _noise(self, sweep: NoiseSweep, state: State) -> State:
        qubits = sweep.channel.qubits
        size, on = state.size, state.batched
        inner = 2 ** len(qubits)
        leading = qubits == tuple(range(len(qubits)))
        whole = len(qubits) == self.wires
        if not (leading and (state.parts == 1 or (whole and not on))):
            self.work.write(size, batched=on)
        self.work.product(2 * inner * size, size, batched=on)
        if not (leading and state.parts == 1):
            self.work.write(size, batched=on)
        return state.after()

    def unitary(self, matrix: State, state: State) -> State:
        """A hoisted unitary on a state."""
        parts, grad = matrix.parts, matrix.grad
        size, on = self.dimension, state.batched
        after = state.after(parts=max(parts, state.parts), grad=grad)
        if parts == 1:
            self.work.product(2 * size * state.size, after.size, batched=on)
        elif state.parts == 1:
            self.work.product(2 * size * after.size, after.size, batched=on)
        else:
            self._joint(1, size, state.grad)
            self.work.product(4 * size * after.size, after.size, batched=on)
        state.keep(self.work, grad)
        return after

    def unitaries(self, members: tuple[tuple[Sweep, ...], ...]) -> State:
        """Sweeps of all members on all columns, side by side."""
        size = self.dimension
        self.work.write(size * size, batched=False)
        state = State(
            rows=len(members),
            parts=1,
            dimension=size,
            columns=size,
            batched=False,
            grad=False,
            contiguous=len(members) == 1,
        )
        return self.sweeps(members[0], state)

    def _read(self, program: SweepProgram, state: State) -> None:
        qubits = program.wires // 2 if program.density else program.wires
        match program.read:
            case ProbabilityRead(kept=kept):
                batched = self._populations(state, qubits, program.density)
                self._outcomes(kept, qubits, batched, faulty=any(program.errors))
            case ExpectationRead(settings=settings) | MitigatedRead(settings=settings):
                for setting in settings:
                    changed = self.sweeps(setting.sweeps, state)
                    if not setting.sweeps:
                        state = replace(state, kept=True)
                    batched = self._populations(changed, qubits, program.density)
                    outputs = len(setting.paulis)
                    self.work.tables += outputs * dimension_of(qubits)
                    self.work.product(2 * outputs * dimension_of(qubits), outputs, batched=batched)
                order = [output for setting in settings for output in setting.outputs]
                if len(settings) > 1:
                    self.work.write(len(order), batched=state.batched)
                if order != sorted(order):
                    self.work.write(len(order), batched=state.batched)

    def _populations(self, state: State, qubits: int, density: bool) -> bool:
        if density:
            self.work.tables += dimension_of(qubits)
            self.work.write(dimension_of(qubits), batched=state.batched)
            return state.batched
        part = state.size // state.parts
        self.work.elementwise(part, batched=state.batched)
        if state.parts == 2:
            self.work.elementwise(part, flops=2 * part, batched=state.batched)
        state.keep(self.work, state.grad)
        return state.batched

    def _outcomes(self, kept: tuple[int, ...], qubits: int, batched: bool, *, faulty: bool) -> None:
        size, outcomes = dimension_of(qubits), dimension_of(len(kept))
        rest = tuple(qubit for qubit in range(qubits) if qubit not in kept)
        if not (is_run(kept) and is_run(rest)):
            self.work.write(size, batched=batched)
        self.work.elementwise(outcomes, flops=size, batched=batched)
        if faulty:
            self.work.tables += outcomes * outcomes
            self.work.product(2 * outcomes * outcomes, outcomes, batched=batched)


def _settings(program: SweepProgram) -> tuple[Setting, ...]:
    match program.read:
        case ExpectationRead(settings=settings) | MitigatedRead(settings=settings):
            return settings
        case ProbabilityRead():
            return ()
