"""The read-out of a sweep program, as torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from qcompile.executors.constants import Constants, ConstantTensor
from qcompile.executors.shots import sample_distribution, sample_signs, straight_through
from qcompile.executors.sweeps import tables
from qcompile.executors.sweeps.program import (
    ExpectationRead,
    MitigatedRead,
    ProbabilityRead,
    Setting,
    SweepProgram,
)
from qcompile.executors.sweeps.scheduler import Scheduler
from qcompile.executors.sweeps.squares import squares
from qcompile.executors.sweeps.steps import Step, Tables
from qcompile.ir.circuit import Pauli

Populations = Callable[[Tensor], Tensor]
"""State → the distribution over basis states, (2^n, B)."""


class Readout(Protocol):
    """State → (outputs, B)."""

    def __call__(self, state: Tensor, used: Tables) -> Tensor: ...


def build_readout(program: SweepProgram, schedule: Scheduler) -> Readout:
    """Exact values, or means over the program's shots with the exact gradient."""
    constants, read, shots = schedule.constants, program.read, program.shots
    qubits = program.wires // 2 if program.density else program.wires
    populations: Populations = squares
    if program.density:
        size = 2**qubits
        populations = DiagonalPopulations(constants.index(torch.arange(size) * (size + 1)))
    match read:
        case ProbabilityRead(kept=kept):
            matrix = tables.confusion(program.errors, len(kept)) if any(program.errors) else None
            faulty = Outcomes(kept, qubits, populations, matrix, constants)
            if shots is None:
                return faulty
            if read.mitigated and matrix is not None:
                inverse = constants.real(torch.linalg.inv(matrix))
                return MitigatedReadout([MitigatedSetting((), faulty, inverse)], shots)
            return SampledReadout(faulty, shots, sample_distribution)
        case MitigatedRead(settings=settings):
            assert shots is not None
            built = [_mitigated(s, program, qubits, populations, schedule) for s in settings]
            return MitigatedReadout(built, shots)
        case ExpectationRead(settings=settings):
            exact = ExpectationReadout(settings, program, qubits, populations, schedule)
            return exact if shots is None else SampledReadout(exact, shots, sample_signs)


class DiagonalPopulations:
    """Of a density matrix, the entries at the indices of its diagonal."""

    def __init__(self, diagonal: ConstantTensor) -> None:
        self.diagonal = diagonal

    def __call__(self, state: Tensor) -> Tensor:
        return state[0, 0].index_select(0, self.diagonal.on(state))


class ExpectationReadout:
    """Pauli strings, setting by setting."""

    def __init__(
        self,
        settings: Sequence[Setting],
        program: SweepProgram,
        qubits: int,
        populations: Populations,
        schedule: Scheduler,
    ) -> None:
        self.populations = populations
        up, down = program.errors
        constants = schedule.constants
        self.settings: list[tuple[list[Step], ConstantTensor]] = []
        for setting in settings:
            table = tables.observable_values(setting.paulis, qubits, (1 - 2 * up, 2 * down - 1))
            for exchange in reversed(setting.permuted):
                table = table.index_select(1, tables.permutation(exchange.gates, qubits).argsort())
            self.settings.append((schedule.steps(setting.sweeps), constants.real(table)))
        order = [output for setting in settings for output in setting.outputs]
        self.ordered = order == sorted(order)
        self.places = constants.index(torch.tensor(order).argsort())

    def __call__(self, state: Tensor, used: Tables) -> Tensor:
        rows = []
        for steps, table in self.settings:
            weights = self.populations(_changed(state, steps, used))
            rows.append(table.like(weights) @ weights)
        result = rows[0] if len(rows) == 1 else torch.cat(rows)
        return result if self.ordered else result.index_select(0, self.places.on(result))


class Outcomes:
    """The distribution over the outcomes on some qubits, the first the most significant bit."""

    def __init__(
        self,
        kept: tuple[int, ...],
        qubits: int,
        populations: Populations,
        confusion: Tensor | None,
        constants: Constants,
    ) -> None:
        self.kept = kept
        self.qubits = qubits
        self.populations = populations
        self.confusion = None if confusion is None else constants.real(confusion)
        """(2^k, 2^k): what is read for what is there."""
        self.rest = tuple(qubit for qubit in range(qubits) if qubit not in kept)

    def __call__(self, state: Tensor, used: Tables) -> Tensor:
        weights = self.populations(state)
        batch = weights.shape[-1]
        spread = weights.reshape(*(2 for _ in range(self.qubits)), batch)
        spread = spread.permute(*self.kept, *self.rest, self.qubits)
        result = spread.reshape(2 ** len(self.kept), 2 ** len(self.rest), batch).sum(1)
        return result if self.confusion is None else self.confusion.like(result) @ result


class SampledReadout:
    """A read-out whose values come from finitely many shots."""

    def __init__(self, exact: Readout, shots: int, sample: Callable[[Tensor, int], Tensor]) -> None:
        self.exact = exact
        self.shots = shots
        self.sample = sample

    def __call__(self, state: Tensor, used: Tables) -> Tensor:
        return self.sample(self.exact(state, used), self.shots)


@dataclass(frozen=True, slots=True)
class MitigatedSetting:
    """A change of basis, the faulty distribution, and its estimator (outputs, 2^k)."""

    steps: Sequence[Step]
    faulty: Outcomes
    estimator: ConstantTensor


class MitigatedReadout:
    """Shots on faulty outcomes, then the inverse of the read-out error on their frequencies."""

    def __init__(self, settings: Sequence[MitigatedSetting], shots: int) -> None:
        self.settings = settings
        self.shots = shots

    def __call__(self, state: Tensor, used: Tables) -> Tensor:
        rows = []
        for setting in self.settings:
            weights = setting.faulty(_changed(state, setting.steps, used), used)
            table = setting.estimator.like(weights)
            sampled = sample_distribution(weights, self.shots)
            rows.append(straight_through(table @ weights, table @ sampled))
        return torch.cat(rows)


def _mitigated(
    setting: Setting,
    program: SweepProgram,
    qubits: int,
    populations: Populations,
    schedule: Scheduler,
) -> MitigatedSetting:
    (pauli,) = setting.paulis
    kept = tuple(qubit for qubit, _ in pauli.letters)
    matrix = tables.confusion(program.errors, len(kept))
    local = Pauli(letters=tuple((k, "Z") for k in range(len(kept))), sign=pauli.sign)
    estimator = tables.observable_values([local], len(kept)) @ torch.linalg.inv(matrix)
    return MitigatedSetting(
        schedule.steps(setting.sweeps),
        Outcomes(kept, qubits, populations, matrix, schedule.constants),
        schedule.constants.real(estimator),
    )


def _changed(state: Tensor, steps: Sequence[Step], used: Tables) -> Tensor:
    for step in steps:
        state = step(state, used)
    return state
