"""Sweeps whose backward pass undoes them: one state of each token is kept instead of all.

Tokens go through in blocks whose states stay in the cache. Derivatives by tables that do not depend
on data are added up over all blocks, in their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import peek_interpreter_stack
from torch.autograd import forward_ad

from qcompile.executors.constants import Constants
from qcompile.executors.sweeps.build import SweepEvaluator
from qcompile.executors.sweeps.program import SweepProgram
from qcompile.executors.sweeps.readouts import SampledReadout
from qcompile.executors.sweeps.steps import (
    BlockStep,
    DataPhaseStep,
    PermuteStep,
    PhaseStep,
    Step,
    Tables,
    TurnStep,
    UnitaryStep,
)
from qcompile.executors.sweeps.undo import Spare, TableSlopes, Undo


class AdjointEvaluator:
    """data (B, w) and angles (k,) or None → (B, outputs)."""

    def __init__(self, program: SweepProgram, block: int, constants: Constants) -> None:
        self.block = block
        self.plain = SweepEvaluator(program, constants)
        """For derivatives beyond the first, transforms of torch.func, and programs."""
        readout = self.plain.readout
        self.exact = readout.exact if isinstance(readout, SampledReadout) else readout
        self.undos = list(_undos(self.plain, constants))

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor:
        if (
            torch.compiler.is_compiling()
            or peek_interpreter_stack() is not None
            or forward_ad._current_level >= 0
            or data.shape[0] == 0
        ):
            return self.plain(data, angles)
        trained = data.new_empty(0) if angles is None else angles
        found: Tensor = _Adjoint.apply(data, trained, self)  # type: ignore[no-untyped-call]
        return found

    def blocks(self, tokens: int) -> Iterator[slice]:
        for start in range(0, tokens, self.block):
            yield slice(start, min(tokens, start + self.block))

    def forward(self, data: Tensor, angles: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """Values, and the last state of each block."""
        fixed = self.plain.fixed_tables(angles, data)
        values, states = [], []
        for block in self.blocks(data.shape[0]):
            rows = data[block]
            used = self.plain.with_data(fixed, rows, angles)
            state = self.plain.start(rows, angles)
            for step in self.plain.steps:
                state = step(state, used)
            values.append(self.plain.readout(state, used).t().expand(rows.shape[0], -1))
            states.append(state)
        return values[0] if len(values) == 1 else torch.cat(values), states

    def backward(
        self, data: Tensor, angles: Tensor | None, states: Sequence[Tensor], weights: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Derivatives by data and angles."""
        trained = None if angles is None else angles.detach().requires_grad_()
        with torch.enable_grad():
            phases, fixed = self.plain.fixed_tables_with_phases(trained, data)
        slopes = TableSlopes(
            phases=[_zeros(phase) for phase in phases],
            blocks=[_zeros(block) for block in fixed.blocks],
            unitaries=[[_zeros(unitary) for unitary in group] for group in fixed.unitaries],
            data_phases=[],
            turns=None,
        )
        by_data, by_angles = [], None if trained is None else torch.zeros_like(trained)
        # States grow on the way forward, in parts and in tokens.
        spare = Spare(data, 2 * max(state.numel() for state in states))
        for block, state in zip(self.blocks(data.shape[0]), states, strict=True):
            rows = data[block].detach().requires_grad_()
            given = self._through(rows, trained, fixed, state, weights[block], slopes, spare)
            by_data.append(given[0])
            if by_angles is not None and given[1] is not None:
                by_angles += given[1]
        if trained is not None and by_angles is not None:
            tables = (*phases, *fixed.blocks, *(u for group in fixed.unitaries for u in group))
            found = (*slopes.phases, *slopes.blocks, *(u for g in slopes.unitaries for u in g))
            pairs = [(t, s) for t, s in zip(tables, found, strict=True) if s is not None]
            (more,) = _slopes_of([t for t, _ in pairs], [s for _, s in pairs], (trained,))
            if more is not None:
                by_angles += more
        return by_data[0] if len(by_data) == 1 else torch.cat(by_data), by_angles

    def _through(
        self,
        rows: Tensor,
        trained: Tensor | None,
        fixed: Tables,
        state: Tensor,
        weights: Tensor,
        slopes: TableSlopes,
        spare: Spare,
    ) -> tuple[Tensor, Tensor | None]:
        """One block of tokens; adds to the slopes of fixed tables."""
        plain = self.plain
        with torch.enable_grad():
            data_phases, turns = plain.data_angles(rows, trained)
            start = plain.start(rows, trained)
            last = state.detach().requires_grad_()
            values = self.exact(last, _detached(fixed)).t()
        used = plain.with_angles(_detached(fixed), data_phases, turns)
        slopes.data_phases = [torch.zeros_like(phase) for phase in data_phases]
        slopes.turns = None if turns is None else torch.zeros_like(turns)
        # Where nothing depends on data all tokens have one state.
        shown = weights if values.shape[0] == weights.shape[0] else weights.sum(0, keepdim=True)
        (derivative,) = torch.autograd.grad(values, last, shown)
        pair = torch.cat((state, derivative), out=spare.take(2, *state.shape[1:]))
        for undo in reversed(self.undos):
            pair = undo(pair, used, slopes, spare)
        tables = [*data_phases, *([] if turns is None else [turns]), start]
        found = [*slopes.data_phases, *([] if slopes.turns is None else [slopes.turns])]
        leaves = (rows,) if trained is None else (rows, trained)
        given = _slopes_of(tables, [*found, pair[1:]], leaves)
        by_rows = torch.zeros_like(rows) if given[0] is None else given[0]
        return by_rows, None if trained is None else given[1]


def _undos(plain: SweepEvaluator, constants: Constants) -> Iterator[Undo]:
    """Of all steps, with what the state is before each."""
    parts, batched = plain.start.parts, plain.start.batched
    for step in plain.steps:
        inverse = None
        if isinstance(step, PermuteStep):
            inverse = constants.index(step.indices.value.argsort())
        yield Undo(step=step, parts=parts, batched=batched, inverse=inverse)
        parts = max(parts, _parts(step, plain))
        batched = batched or isinstance(step, DataPhaseStep | TurnStep)


def _parts(step: Step, plain: SweepEvaluator) -> int:
    match step:
        case PhaseStep() | DataPhaseStep():
            return 2
        case BlockStep(rows=rows):
            return 1 if plain.operators.blocks[rows.family].real else 2
        case UnitaryStep(group=group):
            members, _ = plain.groups[group]
            return max(_parts(member, plain) for member in members)
        case _:
            return 1


def _zeros(table: Tensor) -> Tensor | None:
    return torch.zeros_like(table) if table.requires_grad else None


def _detached(tables: Tables) -> Tables:
    return Tables(
        phases=[(cosine.detach(), sine.detach()) for cosine, sine in tables.phases],
        blocks=[block.detach() for block in tables.blocks],
        data_phases=tables.data_phases,
        turns=tables.turns,
        unitaries=[tuple(unitary.detach() for unitary in group) for group in tables.unitaries],
    )


def _slopes_of(
    tables: Sequence[Tensor], slopes: Sequence[Tensor], leaves: Sequence[Tensor]
) -> tuple[Tensor | None, ...]:
    """Of tables by what they are made of, given those by the tables."""
    pairs = [(t, s) for t, s in zip(tables, slopes, strict=True) if t.requires_grad]
    if not pairs:
        return tuple(None for _ in leaves)
    return torch.autograd.grad(
        [table for table, _ in pairs], leaves, [slope for _, slope in pairs], allow_unused=True
    )


class _Adjoint(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, data: Tensor, angles: Tensor, evaluator: AdjointEvaluator) -> Tensor:
        values, states = evaluator.forward(data, angles if angles.shape[0] else None)
        ctx.evaluator = evaluator
        ctx.save_for_backward(data, angles, *states)
        return values

    @staticmethod
    def backward(ctx: Any, weights: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        data, angles, *states = ctx.saved_tensors
        evaluator: AdjointEvaluator = ctx.evaluator
        trained = angles if angles.shape[0] else None
        if torch.is_grad_enabled():
            # Derivatives of derivatives.
            leaves = [leaf for leaf in (data, trained) if leaf is not None and leaf.requires_grad]
            with torch.enable_grad():
                values = evaluator.plain.exactly(data, trained)
            found = iter(
                torch.autograd.grad(values, leaves, weights, create_graph=True, allow_unused=True)
            )
            given = [
                next(found) if leaf is not None and leaf.requires_grad else None
                for leaf in (data, trained)
            ]
            return given[0], given[1], None
        by_data, by_angles = evaluator.backward(data, trained, states, weights)
        return by_data, by_angles, None
