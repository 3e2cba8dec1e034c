"""What a sweep program does, counted operation by operation, as `build` carries it out.

The counts are those of eager torch: a matrix product's FLOPs, elementwise FLOPs, elements that are
written (copies included), operations, and elements that autograd keeps for backward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from qcompile.executors.sweeps.families import BlockFamily, Families, PhaseFamily
from qcompile.executors.sweeps.program import (
    AmplitudeStart,
    BlockSweep,
    DataPhaseSweep,
    DataTerms,
    ExpectationRead,
    MitigatedRead,
    NoiseSweep,
    PermuteSweep,
    PhaseSweep,
    ProbabilityRead,
    ProductStart,
    Setting,
    SignSweep,
    Sweep,
    SweepProgram,
    TurnSweep,
    UnitarySweep,
    ZeroStart,
)
from qcompile.ir.circuit import Affine
from qcompile.ir.factors import IDENTITY, fixed
from qcompile.ir.machine import ELEMENTARY_FUNCTION
from qcompile.ir.work import Work

WIDEST = 200
"""Wires beyond which counts stay where they are: far out of reach, and still floats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The shape of a state, (rows, parts, 2^n, columns or tokens)."""

    rows: int = 1
    parts: int
    dimension: int
    columns: int = 1
    batched: bool
    """It has one column a token."""
    grad: bool
    """A gradient flows back through it."""
    kept: bool = False
    """It is counted among what is kept."""
    contiguous: bool = True

    @property
    def size(self) -> int:
        """Elements; of each token where `batched`."""
        return self.rows * self.parts * self.dimension * self.columns


def count(program: SweepProgram) -> Work:
    """Forward work of one call."""
    return Counter(program.wires).program(program)


class Counter:
    """Adds up the work of sweeps that share their tables."""

    def __init__(self, wires: int) -> None:
        self.wires = wires
        self.dimension = self._size(wires)
        self.work = Work()
        self.families = Families()
        self.data: dict[DataTerms, int] = {}
        self.data_phases: set[tuple[object, ...]] = set()
        self.turns: dict[Affine, int] = {}
        self.groups: list[State] = []
        """The unitaries of each group, columns side by side."""

    def program(self, program: SweepProgram) -> Work:
        for run in (
            *(sweep for s in _settings(program) for sweep in [s.sweeps]),
            *(member for members in program.groups for member in members),
            program.sweeps,
        ):
            self.collect(run)
        self.tables()
        for members in program.groups:
            self.groups.append(self.unitaries(members))
        state = self.sweeps(program.sweeps, self._start(program))
        self._read(program, state)
        return self.work

    def collect(self, sweeps: Sequence[Sweep]) -> None:
        """Note which tables the sweeps need."""
        for sweep in sweeps:
            match sweep:
                case PhaseSweep(terms=terms):
                    self.families.phase_rows([terms])
                case SignSweep() | PermuteSweep():
                    self.work.tables += self.dimension
                case NoiseSweep(channel=channel):
                    self.work.tables += 4 ** len(channel.qubits)
                case BlockSweep(chains=chains, real=real):
                    self.families.block_rows([chains], real=real)
                case DataPhaseSweep(terms=terms_):
                    for _, data in terms_:
                        self.data.setdefault(data, len(self.data))
                    self.data_phases.add(terms_)
                case TurnSweep(angle=angle):
                    self.turns.setdefault(angle, len(self.turns))
                case _:
                    pass

    def tables(self) -> None:
        """The tensors of one call, when all sweeps are known."""
        self._trainable(list(self.families.angles.positions))
        for phase in self.families.phases.values():
            self._phase_family(phase)
        for block in self.families.blocks.values():
            self._block_family(block)
        if self.data_phases:
            self._combination(list(self.data), batched=True)
            for terms in self.data_phases:
                size, inner = self.dimension, len(terms)
                self.work.tables += size * inner
                self._write(inner, batched=True)
                self._product(2 * size * inner, size, batched=True)
                self._elementary(size, batched=True)
                self._elementary(size, batched=True)
                self.work.keep(3 * size, batched=True)
        if self.turns:
            number = len(self.turns)
            self._mixed(list(self.turns))
            self._elementwise(number, batched=True)
            self._elementary(number, batched=True)
            self._elementary(number, batched=True)
            self.work.keep(3 * number, batched=True)

    def sweeps(self, sweeps: Sequence[Sweep], state: State) -> State:
        """Each on the state that the one before leaves."""
        for sweep in sweeps:
            state = self._sweep(sweep, state)
        return state

    def _sweep(self, sweep: Sweep, state: State) -> State:
        match sweep:
            case PhaseSweep():
                return self._phases(state, batched=False, grad=self._trains())
            case DataPhaseSweep():
                return self._phases(state, batched=True, grad=True)
            case SignSweep():
                self._elementwise(state.size, batched=state.batched)
                return replace(state, kept=False, contiguous=True)
            case BlockSweep():
                return self._block(sweep, state)
            case TurnSweep():
                return self._turn(state)
            case PermuteSweep():
                self._write(state.size, batched=state.batched)
                return replace(state, kept=False, contiguous=True)
            case NoiseSweep():
                return self._noise(sweep, state)
            case UnitarySweep(group=group):
                return self.unitary(self.groups[group], state)

    def _phases(self, state: State, *, batched: bool, grad: bool) -> State:
        after = replace(
            state,
            parts=2,
            batched=state.batched or batched,
            grad=state.grad or grad,
            kept=False,
            contiguous=True,
        )
        half = after.size // 2
        if state.parts == 1:
            self._elementwise(half, batched=after.batched)
            self._elementwise(half, batched=after.batched)
            self._write(after.size, batched=after.batched)
            self._keep(state, grad)
            return after
        self._rotate(after.size, batched=after.batched)
        self._keep(state, state.grad or grad)
        return after

    def _rotate(self, size: int, *, batched: bool) -> None:
        """One product and two fused multiply-adds on half of the elements each."""
        self._elementwise(size, batched=batched)
        for _ in range(2):
            self._elementwise(size // 2, flops=size, batched=batched)

    def _block(self, sweep: BlockSweep, state: State) -> State:
        inner = 2 ** (sweep.stop - sweep.start)
        left = 2**sweep.start
        grad = self.families.blocks[sweep.stop - sweep.start, sweep.real].rotates
        grad = grad and self._trains()
        on = state.batched
        if not state.contiguous and left > 1:
            self._write(state.size, batched=on)
        after = replace(
            state,
            parts=state.parts if sweep.real else 2,
            grad=state.grad or grad,
            kept=False,
            contiguous=True,
        )
        rows, table = state.rows, state.rows * inner * inner
        if sweep.real:
            # One row is repeated without a copy.
            if rows > 1 and state.parts * left > 1:
                self._copied(table * state.parts * left, state.grad)
            self._product(2 * inner * state.size, after.size, batched=on)
            self._keep(state, grad)
        elif state.parts == 1:
            if left > 1:
                self._copied(2 * table * left, state.grad)
            repeated = left > 1 or rows > 1
            if repeated:
                self._write(2 * state.size, batched=on)
            self._product(2 * inner * after.size, after.size, batched=on)
            if grad and repeated:
                self.work.keep(2 * state.size, batched=on)
            else:
                self._keep(state, grad)
        elif left == 1:
            self._joint(rows, inner, state.grad)
            self._product(4 * inner * after.size, after.size, batched=on)
            self._keep(state, grad)
        else:
            self._copied(4 * table * left, state.grad)
            self._write(2 * state.size, batched=on)
            self._product(4 * inner * state.size, 2 * state.size, batched=on)
            self._elementwise(state.size // 2, batched=on)
            self._elementwise(state.size // 2, batched=on)
            self._write(state.size, batched=on)
            if grad:
                self.work.keep(2 * state.size, batched=on)
        return after

    def _copied(self, size: int, kept: bool) -> None:
        """A matrix that is written out for each part of the state."""
        self._write(size, batched=False)
        if kept:
            self.work.keep(size, batched=False)

    def _joint(self, rows: int, inner: int, kept: bool) -> None:
        """A complex matrix as a real one of twice the size."""
        size = rows * inner * inner
        self._elementwise(size, batched=False)
        self._write(2 * size, batched=False)
        self._write(2 * size, batched=False)
        self._copied(4 * size, kept)

    def _turn(self, state: State) -> State:
        after = replace(state, batched=True, grad=True, kept=False, contiguous=True)
        if not state.batched or not state.contiguous:
            self._write(after.size, batched=True)
            self.work.keep(after.size, batched=True)
        else:
            self._keep(state, True)
        self._rotate(after.size, batched=True)
        return after

    def _noise(self, sweep: NoiseSweep, state: State) -> State:
        qubits = sweep.channel.qubits
        size, on = state.size, state.batched
        inner = 2 ** len(qubits)
        leading = qubits == tuple(range(len(qubits)))
        whole = len(qubits) == self.wires
        if not (leading and (state.parts == 1 or (whole and not on))):
            self._write(size, batched=on)
        self._product(2 * inner * size, size, batched=on)
        if not (leading and state.parts == 1):
            self._write(size, batched=on)
        return replace(state, kept=False, contiguous=True)

    def unitary(self, matrix: State, state: State) -> State:
        """A hoisted unitary on a state."""
        parts, grad = matrix.parts, matrix.grad
        size, on = self.dimension, state.batched
        after = replace(
            state,
            parts=max(parts, state.parts),
            grad=state.grad or grad,
            kept=False,
            contiguous=True,
        )
        if parts == 1:
            self._product(2 * size * state.size, after.size, batched=on)
        elif state.parts == 1:
            self._product(2 * size * after.size, after.size, batched=on)
        else:
            self._joint(1, size, state.grad)
            self._product(4 * size * after.size, after.size, batched=on)
        self._keep(state, grad)
        return after

    def unitaries(self, members: tuple[tuple[Sweep, ...], ...]) -> State:
        """Sweeps of all members on all columns, side by side."""
        size = self.dimension
        self._write(size * size, batched=False)
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

    def _start(self, program: SweepProgram) -> State:
        size = self.dimension
        match program.start:
            case ZeroStart():
                self._ground(size)
                return State(parts=1, dimension=size, batched=False, grad=False)
            case AmplitudeStart(initial=initial):
                qubits = program.wires // 2 if program.density else program.wires
                self._amplitudes(initial.width, self._size(qubits))
                if program.density:
                    self._elementwise(size, batched=True)
                    self.work.keep(self._size(qubits), batched=True)
                return State(parts=1, dimension=size, batched=True, grad=True)
            case ProductStart() as product:
                self._vectors(product)
                return State(
                    parts=1 if product.real else 2, dimension=size, batched=True, grad=True
                )

    def _ground(self, size: int) -> None:
        self._write(1, batched=False)
        self._write(size, batched=False)

    def _amplitudes(self, width: int, size: int) -> None:
        for number in (width, 1, 1, 1, width, width):
            # abs, amax, ==, where, division, square.
            self._elementwise(number, batched=True)
        self._elementwise(1, flops=width, batched=True)
        self._elementwise(1, batched=True)
        self._elementary(1, batched=True)
        self._elementwise(width, batched=True)
        self._write(size, batched=True)
        self._ground(size)
        self._elementwise(size, batched=True)
        self._write(size, batched=True)
        self.work.keep(width + 3, batched=True)

    def _vectors(self, start: ProductStart) -> None:
        qubits, parts = len(start.chains), 1 if start.real else 2
        length = max(len(chain) for chain in start.chains)
        pad = fixed(IDENTITY)
        padded = [(*chain, *(pad for _ in range(length - len(chain)))) for chain in start.chains]
        for place in range(length):
            factors = [chain[place] for chain in padded]
            moving = any(any(entry != 0 for entry in factor.constant) for factor in factors)
            entries = qubits * parts * (2 if place == 0 else 4)
            self.work.tables += 12 * qubits * parts
            self._mixed([factor.angle or Affine() for factor in factors])
            self.work.keep(qubits + entries, batched=True)
            self._elementwise(qubits, batched=True)
            self._elementary(qubits, batched=True)
            self._elementwise(entries, batched=True)
            self._elementary(qubits, batched=True)
            self._elementwise(entries, batched=True)
            self._elementwise(entries, batched=True)
            if moving:
                self._elementwise(entries, batched=True)
            if place > 0:
                self._matrix_vector(qubits, parts)
        for qubit in range(1, qubits):
            size = self._size(qubit + 1)
            if qubit < qubits - 1:
                self.work.keep(parts * size, batched=True)
            if parts == 1:
                self._elementwise(size, batched=True)
                continue
            for _ in range(6):
                self._elementwise(size, batched=True)
            self._write(2 * size, batched=True)

    def _matrix_vector(self, qubits: int, parts: int) -> None:
        size = 4 * qubits
        self.work.keep(parts * size // 2, batched=True)
        if parts == 1:
            self._elementwise(size, batched=True)
            self._elementwise(size // 2, flops=size, batched=True)
            return
        for _ in range(6):
            self._elementwise(size, batched=True)
        for _ in range(2):
            self._elementwise(size // 2, flops=size, batched=True)
        self._write(size, batched=True)

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
                    self.work.tables += outputs * self._size(qubits)
                    self._product(2 * outputs * self._size(qubits), outputs, batched=batched)
                order = [output for setting in settings for output in setting.outputs]
                if len(settings) > 1:
                    self._write(len(order), batched=state.batched)
                if order != sorted(order):
                    self._write(len(order), batched=state.batched)

    def _populations(self, state: State, qubits: int, density: bool) -> bool:
        if density:
            self.work.tables += self._size(qubits)
            self._write(self._size(qubits), batched=state.batched)
            return state.batched
        self._elementwise(state.size, batched=state.batched)
        if state.parts == 2:
            self._elementwise(state.size // 2, flops=state.size, batched=state.batched)
        self._keep(state, state.grad)
        return state.batched

    def _outcomes(self, kept: tuple[int, ...], qubits: int, batched: bool, *, faulty: bool) -> None:
        size, outcomes = self._size(qubits), self._size(len(kept))
        rest = tuple(qubit for qubit in range(qubits) if qubit not in kept)
        if not (_is_run(kept) and _is_run(rest)):
            self._write(size, batched=batched)
        self._elementwise(outcomes, flops=size, batched=batched)
        if faulty:
            self.work.tables += outcomes * outcomes
            self._product(2 * outcomes * outcomes, outcomes, batched=batched)

    @staticmethod
    def _size(qubits: int) -> int:
        return int(2 ** min(qubits, WIDEST))

    def _trains(self) -> bool:
        return any(angle.angles for angle in self.families.angles.positions)

    def _trainable(self, angles: list[Affine]) -> None:
        self.work.tables += len(angles)
        if not any(angle.angles for angle in angles):
            return
        self._combination([angle.angles for angle in angles], batched=False)
        if any(angle.constant for angle in angles):
            self._elementwise(len(angles), batched=False)

    def _mixed(self, angles: list[Affine]) -> None:
        self._combination([angle.data for angle in angles], batched=True)
        rest = [Affine(constant=angle.constant, angles=angle.angles) for angle in angles]
        if any(angle != Affine() for angle in rest):
            self._trainable(list(dict.fromkeys(rest)))
            self._write(len(angles), batched=False)
            self._elementwise(len(angles), batched=True)

    def _combination(self, rows: Sequence[DataTerms], *, batched: bool) -> None:
        if not all(len(row) == 1 for row in rows):
            width = max((index + 1 for row in rows for index, _ in row), default=0)
            self.work.tables += len(rows) * width
            self._product(2 * len(rows) * width, len(rows), batched=batched)
            return
        self.work.tables += 2 * len(rows)
        indices = [row[0][0] for row in rows]
        if indices != list(range(len(indices))):
            self._write(len(rows), batched=batched)
        if any(row[0][1] != 1.0 for row in rows):
            self._elementwise(len(rows), batched=batched)

    def _phase_family(self, family: PhaseFamily) -> None:
        rows, inner, size = len(family.rows), len(family.generators), self.dimension
        self.work.tables += inner * (size + rows)
        self._write(rows * inner, batched=False)
        self._product(2 * rows * inner * size, rows * size, batched=False)
        self._elementary(rows * size, batched=False)
        self._elementary(rows * size, batched=False)
        if self._trains():
            self.work.keep(3 * rows * size, batched=False)

    def _block_family(self, family: BlockFamily) -> None:
        rows, width, length = len(family.rows), family.width, family.length
        parts = 1 if family.real else 2
        slots, entries = rows * width * length, rows * width * length * parts * 4
        self.work.tables += 3 * entries + slots
        if family.rotates:
            self._write(slots, batched=False)
            self._elementwise(slots, batched=False)
            self._elementary(slots, batched=False)
            self._elementary(slots, batched=False)
            for _ in range(4):
                self._elementwise(entries, batched=False)
            if self._trains():
                built = rows * parts * sum(4**place for place in range(2, width + 1))
                self.work.keep(slots + length * entries + built, batched=False)
        for _ in range(1, length):
            self._matrix_products(rows * width, parts)
        for place in range(1, width):
            size = rows * 4 ** (place + 1)
            if parts == 1:
                self._elementwise(size, batched=False)
                continue
            for _ in range(6):
                self._elementwise(size, batched=False)
            self._write(2 * size, batched=False)

    def _matrix_products(self, number: int, parts: int) -> None:
        if parts == 1:
            self._product(16 * number, 4 * number, batched=False)
            return
        for _ in range(4):
            self._product(16 * number, 4 * number, batched=False)
        for _ in range(2):
            self._elementwise(4 * number, batched=False)
        self._write(8 * number, batched=False)

    def _keep(self, state: State, needed: bool) -> None:
        if needed and not state.kept:
            self.work.keep(state.size, batched=state.batched)

    def _write(self, number: int, *, batched: bool) -> None:
        self.work.add(written=number, batched=batched)

    def _elementwise(self, number: int, *, batched: bool, flops: int | None = None) -> None:
        self.work.add(
            elementwise=number if flops is None else flops, written=number, batched=batched
        )

    def _elementary(self, number: int, *, batched: bool) -> None:
        self._elementwise(number, flops=ELEMENTARY_FUNCTION * number, batched=batched)

    def _product(self, flops: int, number: int, *, batched: bool) -> None:
        self.work.add(products=flops, written=number, batched=batched)


def _is_run(qubits: tuple[int, ...]) -> bool:
    """Whether they are neighbours in order, so that their axes are one without a copy."""
    return all(after == before + 1 for before, after in pairwise(qubits))


def _settings(program: SweepProgram) -> tuple[Setting, ...]:
    match program.read:
        case ExpectationRead(settings=settings) | MitigatedRead(settings=settings):
            return settings
        case ProbabilityRead():
            return ()
