"""Stages as steps: which tables each one needs, and how blocks of qubits are cut."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import torch

from qcompile.backends.executors.constants import Constants
from qcompile.backends.executors.sweeps.operators import Operators, eigenvalues
from qcompile.backends.executors.sweeps.stages import (
    LocalStage,
    NoiseStage,
    PermuteStage,
    PhaseStage,
    Stage,
    TurnStage,
)
from qcompile.backends.executors.sweeps.steps import (
    BlockStep,
    DataPhaseStep,
    NoiseStep,
    PermuteStep,
    PhaseStep,
    SignStep,
    Step,
    TurnStep,
)
from qcompile.ir.circuit import Affine
from qcompile.ir.factors import IDENTITY, Factor, fixed
from qcompile.ir.primitives import Generator, Permutation

WIDEST_BLOCK = 5
"""Qubits whose one-qubit matrices are applied as one matrix: 32 × 32 is still memory-bound."""

DataTerms = tuple[tuple[int, float], ...]


class Scheduler:
    """Collects the tables that the steps of one circuit refer to."""

    def __init__(self, qubits: int, operators: Operators, constants: Constants) -> None:
        self.qubits = qubits
        self.operators = operators
        self.constants = constants
        self.data: dict[DataTerms, int] = {}
        """Linear combinations of data, each computed once: terms → row."""
        self.data_phases: dict[tuple[tuple[Generator, int], ...], int] = {}
        self.turns: dict[Affine, int] = {}

    def data_row(self, terms: DataTerms) -> int:
        return self.data.setdefault(terms, len(self.data))

    def steps(self, alike: Sequence[Sequence[Stage]]) -> list[Step]:
        """Steps for several lists of stages that have the same signature, as rows side by side."""
        result: list[Step] = []
        for column in zip(*alike, strict=True):
            result.extend(self._steps(column))
        return result

    def _steps(self, column: tuple[Stage, ...]) -> list[Step]:
        match column[0]:
            case PhaseStage(from_data=True) as stage:
                key = tuple((g, self.data_row(a.data)) for g, a in sorted(stage.terms.items()))
                position = self.data_phases.setdefault(key, len(self.data_phases))
                return [DataPhaseStep(position=position)]
            case PhaseStage() as stage if _is_sign(stage):
                table = eigenvalues(list(stage.terms), self.qubits)
                turns = torch.tensor(
                    [round(angle.constant / math.pi) for angle in stage.terms.values()],
                    dtype=torch.float64,
                    device="cpu",
                )
                signs = 1 - 2 * torch.remainder(table @ turns, 2)
                return [SignStep(signs=self.constants.real(signs.unsqueeze(1)))]
            case PhaseStage():
                stages = [s.terms for s in column if isinstance(s, PhaseStage)]
                ordered = [dict(sorted(terms.items())) for terms in stages]
                return [PhaseStep(rows=self.operators.phase_rows(ordered))]
            case LocalStage():
                return self._blocks([s for s in column if isinstance(s, LocalStage)])
            case TurnStage() as stage:
                return [
                    TurnStep(position=self.turns.setdefault(angle, len(self.turns)), left=2**qubit)
                    for qubit, angle in sorted(stage.angles.items())
                ]
            case PermuteStage() as stage:
                indices = permutation_table(stage.gates, self.qubits)
                return [PermuteStep(indices=self.constants.index(indices))]
            case NoiseStage() as stage:
                count = len(stage.channel.qubits) // 2
                matrix = depolarising_matrix(stage.channel.probability, count)
                return [
                    NoiseStep(
                        matrix=self.constants.real(matrix),
                        qubits=stage.channel.qubits,
                        total=self.qubits,
                    )
                ]

    def _blocks(self, column: list[LocalStage]) -> list[Step]:
        steps: list[Step] = []
        idle: tuple[Factor, ...] = (fixed(IDENTITY),)
        for start, stop in spans(sorted(column[0].chains)):
            rows = self.operators.block_rows(
                [
                    tuple(stage.chains.get(qubit, idle) for qubit in range(start, stop))
                    for stage in column
                ],
                real=span_is_real(column[0], start, stop),
            )
            steps.append(BlockStep(rows=rows, left=2**start))
        return steps


def signature(stages: Sequence[Stage]) -> tuple[object, ...]:
    """Equal for lists of data-free stages that can run side by side."""
    return tuple(_stage_signature(stage) for stage in stages)


def _stage_signature(stage: Stage) -> tuple[object, ...]:
    match stage:
        case PhaseStage() if _is_sign(stage):
            return ("sign", tuple(sorted((g, a.constant) for g, a in stage.terms.items())))
        case PhaseStage():
            return ("phase", tuple(sorted(stage.terms)))
        case LocalStage():
            cut = spans(sorted(stage.chains))
            return ("local", tuple((a, b, span_is_real(stage, a, b)) for a, b in cut))
        case PermuteStage():
            return ("permute", tuple(stage.gates))
        case TurnStage() | NoiseStage():
            return ("alone", id(stage))


def _is_sign(stage: PhaseStage) -> bool:
    return all(
        angle.is_constant
        and math.isclose(angle.constant / math.pi, round(angle.constant / math.pi), abs_tol=1e-12)
        for angle in stage.terms.values()
    ) and all(kind == "n" for generator in stage.terms for _, kind in generator)


def span_is_real(stage: LocalStage, start: int, stop: int) -> bool:
    return all(
        factor.real for qubit in range(start, stop) for factor in stage.chains.get(qubit, ())
    )


def spans(qubits: Sequence[int]) -> list[tuple[int, int]]:
    """Half-open ranges of at most WIDEST_BLOCK qubits that cover `qubits`, balanced where dense."""
    if not qubits:
        return []
    runs: list[list[int]] = [[qubits[0], qubits[0] + 1]]
    for qubit in qubits[1:]:
        if qubit - runs[-1][1] <= 1:
            runs[-1][1] = qubit + 1
        else:
            runs.append([qubit, qubit + 1])
    result = []
    for start, stop in runs:
        parts = -(-(stop - start) // WIDEST_BLOCK)
        for part in range(parts):
            width = stop - start
            cut = (start + width * part // parts, start + width * (part + 1) // parts)
            if any(cut[0] <= qubit < cut[1] for qubit in qubits):
                result.append(cut)
    return result


def permutation_table(gates: Sequence[Permutation], qubits: int) -> list[int]:
    """new[k] = old[table[k]], for all gates in order."""
    basis = torch.arange(2**qubits, device="cpu")
    total = basis
    for gate in gates:
        shifts = [qubits - 1 - qubit for qubit in gate.qubits]
        match gate.kind:
            case "x":
                source = basis ^ (1 << shifts[0])
            case "cx":
                source = basis ^ (((basis >> shifts[0]) & 1) << shifts[1])
            case "swap":
                differ = ((basis >> shifts[0]) ^ (basis >> shifts[1])) & 1
                source = basis ^ (differ << shifts[0]) ^ (differ << shifts[1])
        total = total[source]
    return [int(index) for index in total]


def depolarising_matrix(probability: float, count: int) -> torch.Tensor:
    """(4^count, 4^count) on |ket⟩|bra⟩."""
    size = 2**count
    matrix = (1 - probability) * torch.eye(size * size, dtype=torch.float64, device="cpu")
    for row, column in product(range(size), repeat=2):
        matrix[row * size + row, column * size + column] += probability / size
    return matrix
