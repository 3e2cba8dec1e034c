"""Sweeps as steps on tensors, with the tables that they refer to."""

from __future__ import annotations

from collections.abc import Sequence

from qcompile.executors.constants import Constants
from qcompile.executors.sweeps import tables
from qcompile.executors.sweeps.families import Families
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
    UnitarySweep,
)
from qcompile.executors.sweeps.steps import (
    BlockStep,
    DataPhaseStep,
    NoiseStep,
    PermuteStep,
    PhaseStep,
    SignStep,
    Step,
    TurnStep,
    UnitaryStep,
)
from qcompile.ir.circuit import Affine
from qcompile.ir.primitives import Generator


class Scheduler:
    """Turns sweeps into steps, and collects the tables that they refer to."""

    def __init__(self, qubits: int, constants: Constants) -> None:
        self.qubits = qubits
        self.families = Families()
        self.constants = constants
        self.data: dict[DataTerms, int] = {}
        """Linear combinations of data, each computed once: terms → row."""
        self.data_phases: dict[tuple[tuple[Generator, int], ...], int] = {}
        self.turns: dict[Affine, int] = {}

    def steps(self, *alike: Sequence[Sweep]) -> list[Step]:
        """Steps for one run of sweeps, or for several that are alike, as rows side by side."""
        return [self._step(column) for column in zip(*alike, strict=True)]

    def _step(self, column: tuple[Sweep, ...]) -> Step:
        match column[0]:
            case PhaseSweep():
                alike = [sweep.terms for sweep in column if isinstance(sweep, PhaseSweep)]
                return PhaseStep(rows=self.families.phase_rows(alike))
            case SignSweep(terms=signs):
                table = tables.signs(signs, self.qubits)
                return SignStep(signs=self.constants.real(table))
            case DataPhaseSweep(terms=terms):
                key = tuple((g, self.data.setdefault(t, len(self.data))) for g, t in terms)
                position = self.data_phases.setdefault(key, len(self.data_phases))
                return DataPhaseStep(position=position)
            case BlockSweep(start=start, real=real):
                blocks = [sweep.chains for sweep in column if isinstance(sweep, BlockSweep)]
                return BlockStep(rows=self.families.block_rows(blocks, real=real), left=2**start)
            case TurnSweep(qubit=qubit, angle=angle):
                position = self.turns.setdefault(angle, len(self.turns))
                return TurnStep(position=position, left=2**qubit)
            case PermuteSweep(gates=gates):
                table = tables.permutation(gates, self.qubits)
                return PermuteStep(indices=self.constants.index(table))
            case NoiseSweep(channel=channel):
                matrix = tables.depolarising(channel.probability, len(channel.qubits) // 2)
                return NoiseStep(
                    matrix=self.constants.real(matrix), qubits=channel.qubits, total=self.qubits
                )
            case UnitarySweep(group=group, position=position):
                return UnitaryStep(group=group, position=position)
