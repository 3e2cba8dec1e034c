"""A sweep program as torch: tables once, then straight-line sweeps over the tokens' states."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from qcompile.executors.constants import Constants
from qcompile.executors.sweeps import tables
from qcompile.executors.sweeps.operators import Combination, MixedAngles, Operators
from qcompile.executors.sweeps.program import SweepProgram
from qcompile.executors.sweeps.readouts import build_readout
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
        used = self._tables(data, angles)
        for steps, count in self.groups:
            used.unitaries.append(self._unitaries(steps, count, used, data))
        state = self.start(data, angles)
        for step in self.steps:
            state = step(state, used)
        return self.readout(state, used).t().expand(data.shape[0], -1)

    def _tables(self, data: Tensor, angles: Tensor | None) -> Tables:
        phases, blocks = self.operators(angles, data)
        data_phases = []
        if self.data_phases:
            rows = self.data(data.t())
            for table, indices in self.data_phases:
                chosen = rows.index_select(0, indices.on(rows))
                turned = (table.like(rows) @ chosen).unsqueeze(0)
                data_phases.append((turned.cos(), turned.sin()))
        turns = None
        if self.turns is not None:
            half = 0.5 * self.turns(data, angles)
            turns = (half.cos(), half.sin())
        return Tables(
            phases=phases, blocks=blocks, data_phases=data_phases, turns=turns, unitaries=[]
        )

    def _unitaries(
        self, steps: Sequence[Step], count: int, used: Tables, data: Tensor
    ) -> tuple[Tensor, ...]:
        state = torch.eye(self.dimension, dtype=data.dtype, device=data.device)
        state = state.expand(count, 1, -1, -1)
        for step in steps:
            state = step(state, used)
        return state.unbind(0)
