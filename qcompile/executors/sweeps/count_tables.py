"""Work of what a call computes before any sweep: cosines, sines and matrices, family by family."""

from __future__ import annotations

from collections.abc import Sequence

from qcompile.executors.sweeps.count_angles import combination, mixed_angles, trainable_angles
from qcompile.executors.sweeps.count_state import dimension_of
from qcompile.executors.sweeps.families import BlockFamily, Families, PhaseFamily
from qcompile.executors.sweeps.program import (
    BlockSweep,
    DataPhaseSweep,
    DataTerms,
    NoiseSweep,
    PermuteSweep,
    PhaseSweep,
    SignSweep,
    Sweep,
    TurnSweep,
)
from qcompile.ir.circuit import Affine
from qcompile.ir.work import Work


class CountedTables:
    """Those that the sweeps of a circuit share."""

    def __init__(self, wires: int, work: Work) -> None:
        self.dimension = dimension_of(wires)
        self.work = work
        self.families = Families()
        self.data: dict[DataTerms, int] = {}
        self.data_phases: set[tuple[object, ...]] = set()
        self.turns: dict[Affine, int] = {}

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

    def count(self) -> None:
        """Add the tensors of one call, when all sweeps are known."""
        trainable_angles(self.work, list(self.families.angles.positions))
        for phase in self.families.phases.values():
            self._phase_family(phase)
        for block in self.families.blocks.values():
            self._block_family(block)
        if self.data_phases:
            combination(self.work, list(self.data), batched=True)
            for terms in self.data_phases:
                size, inner = self.dimension, len(terms)
                self.work.tables += size * inner
                self.work.write(inner, batched=True)
                self.work.product(2 * size * inner, size, batched=True)
                self.work.elementary(size, batched=True)
                self.work.elementary(size, batched=True)
                self.work.keep(3 * size, batched=True)
        if self.turns:
            number = len(self.turns)
            mixed_angles(self.work, list(self.turns))
            self.work.elementwise(number, batched=True)
            self.work.elementary(number, batched=True)
            self.work.elementary(number, batched=True)
            self.work.keep(3 * number, batched=True)

    def train(self) -> bool:
        """Whether a table depends on trainable angles."""
        return any(angle.angles for angle in self.families.angles.positions)

    def _phase_family(self, family: PhaseFamily) -> None:
        rows, inner, size = len(family.rows), len(family.generators), self.dimension
        self.work.tables += inner * (size + rows)
        self.work.write(rows * inner, batched=False)
        self.work.product(2 * rows * inner * size, rows * size, batched=False)
        self.work.elementary(rows * size, batched=False)
        self.work.elementary(rows * size, batched=False)
        if self.train():
            self.work.keep(3 * rows * size, batched=False)

    def _block_family(self, family: BlockFamily) -> None:
        rows, width, length = len(family.rows), family.width, family.length
        parts = 1 if family.real else 2
        size = 2 * parts
        slots, built = rows * width * length, rows * parts * 4**width
        if not family.rotates:
            # Multiplied out once for all calls.
            self.work.tables += built
            return
        entries = slots * size * size
        self.work.tables += 3 * entries + slots
        self.work.write(slots, batched=False)
        self.work.elementwise(slots, batched=False)
        self.work.elementary(slots, batched=False)
        self.work.elementary(slots, batched=False)
        self.work.write(2 * slots, batched=False)
        self.work.product(4 * entries, entries, batched=False)
        matrices = rows * width * size * size
        for _ in range(1, length):
            self.work.product(2 * matrices * size, matrices, batched=False)
        if width > 1:
            if parts == 2:
                self.work.write(8 * rows, batched=False)
                self.work.write(16 * rows * (width - 1), batched=False)
            for place in range(2, width + 1):
                numbers = rows * parts * 4**place
                self.work.product(2 * numbers * parts, numbers, batched=False)
            self.work.write(built, batched=False)
        if self.train():
            kept = slots + entries + (length - 1) * matrices
            if width > 1 and parts == 2:
                kept += rows * (8 + 16 * (width - 1))
            kept += sum(rows * parts * 4**place for place in range(2, width + 1))
            self.work.keep(kept, batched=False)
