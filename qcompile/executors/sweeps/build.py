"""A sweep program as torch: tables once, then straight-line sweeps over the tokens' states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from qcompile.executors.constants import Constants
from qcompile.executors.sweeps import tables
from qcompile.executors.sweeps.operators import Combination, MixedAngles, Operators, circular
from qcompile.executors.sweeps.program import SweepProgram
from qcompile.executors.sweeps.readouts import Readout, SampledReadout, build_readout
from qcompile.executors.sweeps.scheduler import Scheduler
from qcompile.executors.sweeps.start import build_start
from qcompile.executors.sweeps.steps import Step, Tables


class SweepEvaluator:
    """data (B, w) and angles (k,) or None → (B, outputs), in the dtype of `data`."""

    def __init__(self, program: SweepProgram, constants: Constants) -> None:
        self.program = program
        self.dimension = 2**program.wires
        self.start = build_start(program, constants)
        schedule = Scheduler(program.wires, constants)
        self.readout = build_readout(program, schedule)
        self.groups = [(schedule.steps(*members), len(members)) for members in program.groups]
        self.steps = schedule.steps(program.sweeps)
        self.operators = Operators(schedule.families, program.wires, constants)
        self.data = Combination(list(schedule.data), constants)
        self.data_phases = [
            (
                constants.real(tables.eigenvalues([g for g, _ in key], program.wires)),
                constants.index([row for _, row in key]),
            )
            for key in schedule.data_phases
        ]
        self.turns = MixedAngles(list(schedule.turns), constants) if schedule.turns else None

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor:
        return self._run(self.readout, data, angles)

    def exactly(self, data: Tensor, angles: Tensor | None) -> Tensor:
        """The values without shots."""
        readout = self.readout
        return self._run(
            readout.exact if isinstance(readout, SampledReadout) else readout, data, angles
        )

    def _run(self, readout: Readout, data: Tensor, angles: Tensor | None) -> Tensor:
        used = self.with_data(self.fixed_tables(angles, data), data, angles)
        state = self.start(data, angles)
        for step in self.steps:
            state = step(state, used)
        return readout(state, used).t().expand(data.shape[0], -1)

    def fixed_tables(self, angles: Tensor | None, reference: Tensor) -> Tables:
        """What does not depend on data."""
        return self.fixed_tables_with_phases(angles, reference)[1]

    def fixed_tables_with_phases(
        self, angles: Tensor | None, reference: Tensor
    ) -> tuple[list[Tensor], Tables]:
        """With the angles of each phase family, (rows, 2^n), of which it has cosines and sines."""
        phases, blocks = self.operators.phases_and_blocks(angles, reference)
        used = Tables(
            phases=[circular(phase) for phase in phases],
            blocks=blocks,
            data_phases=[],
            turns=None,
            unitaries=[],
        )
        for steps, count in self.groups:
            used.unitaries.append(self._unitaries(steps, count, used, reference))
        return phases, used

    def with_data(self, fixed: Tables, data: Tensor, angles: Tensor | None) -> Tables:
        """Those of some tokens besides."""
        return self.with_angles(fixed, *self.data_angles(data, angles))

    def data_angles(
        self, data: Tensor, angles: Tensor | None
    ) -> tuple[list[Tensor], Tensor | None]:
        """Of diagonals that depend on data, (2^n, B) each, and half of those of turns, (k, B)."""
        phases = []
        if self.data_phases:
            rows = self.data(data.t())
            for table, indices in self.data_phases:
                phases.append(table.like(rows) @ rows.index_select(0, indices.on(rows)))
        return phases, None if self.turns is None else 0.5 * self.turns(data, angles)

    def with_angles(self, fixed: Tables, phases: list[Tensor], turns: Tensor | None) -> Tables:
        """As `with_data`, given what `data_angles` gives."""
        turned = [phase.unsqueeze(0) for phase in phases]
        return replace(
            fixed,
            data_phases=[(phase.cos(), phase.sin()) for phase in turned],
            turns=None if turns is None else (turns.cos(), turns.sin()),
        )

    def _unitaries(
        self, steps: Sequence[Step], count: int, used: Tables, data: Tensor
    ) -> tuple[Tensor, ...]:
        state = torch.eye(self.dimension, dtype=data.dtype, device=data.device)
        state = state.expand(count, 1, -1, -1)
        for step in steps:
            state = step(state, used)
        return state.unbind(0)
