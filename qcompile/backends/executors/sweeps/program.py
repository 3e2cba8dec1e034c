"""A circuit as straight-line sweeps over the states of all tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from qcompile.backends.executors.constants import Constant, Constants
from qcompile.backends.executors.sweeps.observe import ExpectationReadout
from qcompile.backends.executors.sweeps.operators import (
    Combination,
    Operators,
    eigenvalues,
)
from qcompile.backends.executors.sweeps.readout import Readout, SampledReadout, build_readout
from qcompile.backends.executors.sweeps.schedule import Scheduler, signature
from qcompile.backends.executors.sweeps.stages import (
    PhaseStage,
    Stage,
    depends_on_data,
    merge,
)
from qcompile.backends.executors.sweeps.start import MixedAngles, Start, ZeroStart
from qcompile.backends.executors.sweeps.steps import (
    PermuteStep,
    PhaseStep,
    SignStep,
    Step,
    Tables,
    UnitaryStep,
)
from qcompile.ir.circuit import Circuit
from qcompile.ir.primitives import Primitive
from qcompile.ir.target import NoiseModel, Target


@dataclass(slots=True)
class Run:
    """Primitives applied to every token's state, or hoisted into one unitary."""

    hoisted: bool
    primitives: list[Primitive] = field(default_factory=list)


class CircuitProgram:
    """data (B, w) and angles (k,) or None → (B, outputs), in the dtype of `data`."""

    def __init__(
        self,
        circuit: Circuit,
        start: Start,
        runs: Sequence[Run],
        target: Target,
        constants: Constants,
        noise: NoiseModel | None = None,
    ) -> None:
        """`noise` is given for density matrices: then the state has 2n qubits, kets first."""
        self.start = start
        wires = circuit.qubits if noise is None else 2 * circuit.qubits
        self.dimension = 2**wires
        self.operators = Operators(wires)
        schedule = Scheduler(wires, self.operators, constants)
        folded = fold_basis_changes(runs)
        readout, change, blind = build_readout(circuit, schedule, target, noise)
        self.readout: Readout = readout
        folded = _append(folded, change)
        self.steps, self.groups = _schedule(
            folded, schedule, shared_start=isinstance(start, ZeroStart), blind=blind
        )
        if blind:
            absorb_permutations(self.steps, readout)
        self.diagonal: Constant | None = None
        if noise is not None:
            size = 2**circuit.qubits
            self.diagonal = constants.index([k * (size + 1) for k in range(size)])
        self.operators.finish(constants)
        self._finish_data(schedule, constants)

    def _finish_data(self, schedule: Scheduler, constants: Constants) -> None:
        self.data = Combination(list(schedule.data), constants)
        self.data_phases = [
            (
                constants.real(eigenvalues([g for g, _ in key], schedule.qubits)),
                constants.index([row for _, row in key]),
            )
            for key in schedule.data_phases
        ]
        self.turns = MixedAngles(list(schedule.turns), constants) if schedule.turns else None

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor:
        tables = self._tables(data, angles)
        for steps, count in self.groups:
            tables.unitaries.append(self._unitaries(steps, count, tables, data))
        state = self.start(data, angles)
        for step in self.steps:
            state = step(state, tables)
        result = self.readout(state, tables, self.diagonal)
        return result.t().expand(data.shape[0], -1)

    def _tables(self, data: Tensor, angles: Tensor | None) -> Tables:
        trainable = self.operators.angles(angles, data)
        phases, blocks = self.operators(trainable)
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
        self, steps: Sequence[Step], count: int, tables: Tables, data: Tensor
    ) -> tuple[Tensor, ...]:
        state = torch.eye(self.dimension, dtype=data.dtype, device=data.device)
        state = state.expand(count, 1, -1, -1)
        for step in steps:
            state = step(state, tables)
        return state.unbind(0)


def absorb_permutations(steps: list[Step], readout: Readout) -> None:
    """Take the last exchange of basis states into the table of the observables."""
    exact = readout.exact if isinstance(readout, SampledReadout) else readout
    if not isinstance(exact, ExpectationReadout):
        return
    while steps and isinstance(steps[-1], PermuteStep | PhaseStep | SignStep):
        step = steps.pop()
        if isinstance(step, PermuteStep):
            table = exact.settings[0].table
            table.value = table.value.index_select(1, step.indices.value.argsort())


def fold_basis_changes(runs: Sequence[Run]) -> list[Run]:
    """Move what precedes the first and follows the last use of data into hoisted neighbours."""
    result: list[Run] = []
    carried: list[Primitive] = []
    for position, run in enumerate(runs):
        if run.hoisted:
            _extend(result, Run(True, [*carried, *run.primitives]))
            carried = []
            continue
        stages = merge(run.primitives)
        used = [index for index, stage in enumerate(stages) if depends_on_data(stage)]
        if result and result[-1].hoisted and used:
            result[-1].primitives.extend(_primitives(stages[: used[0]]))
            stages = stages[used[0] :]
            used = [index - used[0] for index in used]
        if position + 1 < len(runs) and runs[position + 1].hoisted and used:
            carried = _primitives(stages[used[-1] + 1 :])
            stages = stages[: used[-1] + 1]
        _extend(result, Run(False, _primitives(stages)))
    return [run for run in result if run.primitives]


def _extend(runs: list[Run], run: Run) -> None:
    if runs and runs[-1].hoisted == run.hoisted:
        runs[-1].primitives.extend(run.primitives)
    else:
        runs.append(run)


def _append(runs: list[Run], change: Sequence[Primitive]) -> list[Run]:
    if not runs:
        return [Run(False, list(change))]
    last = runs[-1]
    return [*runs[:-1], Run(last.hoisted, [*last.primitives, *change])]


def _primitives(stages: Sequence[Stage]) -> list[Primitive]:
    return [primitive for stage in stages for primitive in stage.primitives]


Groups = list[tuple[list[Step], int]]
"""Steps that build hoisted unitaries side by side, and how many."""


def _schedule(
    runs: Sequence[Run], schedule: Scheduler, *, shared_start: bool, blind: bool
) -> tuple[list[Step], Groups]:
    staged = [(run.hoisted, merge(run.primitives)) for run in runs]
    if staged and blind:
        # Populations do not show phases.
        last = staged[-1][1]
        while last and isinstance(last[-1], PhaseStage):
            last.pop()
    if shared_start and staged and staged[0][0]:
        # One column of the first unitary is all that is needed.
        staged[0] = (False, staged[0][1])
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, (hoisted, stages) in enumerate(staged):
        if hoisted:
            groups.setdefault(signature(stages), []).append(index)
    places: dict[int, UnitaryStep] = {}
    built: Groups = []
    for members in groups.values():
        steps = schedule.steps([staged[index][1] for index in members])
        for position, index in enumerate(members):
            places[index] = UnitaryStep(group=len(built), position=position)
        built.append((steps, len(members)))
    result: list[Step] = []
    for index, (hoisted, stages) in enumerate(staged):
        result.extend([places[index]] if hoisted else schedule.steps([stages]))
    return result, built
