"""From a circuit's read-out and target to the callable that computes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from qcompile.backends.executors.constants import Constant
from qcompile.backends.executors.shots import (
    sample_distribution,
    sample_signs,
    straight_through,
)
from qcompile.backends.executors.sweeps.observe import (
    Basis,
    ExpectationReadout,
    ProbabilityReadout,
    Setting,
    basis_change,
    group_by_basis,
    observable_table,
)
from qcompile.backends.executors.sweeps.schedule import Scheduler
from qcompile.backends.executors.sweeps.stages import merge
from qcompile.backends.executors.sweeps.steps import Step, Tables
from qcompile.ir.circuit import Circuit, Expectations, Pauli, Probabilities
from qcompile.ir.primitives import Primitive, conjugate
from qcompile.ir.target import NoiseModel, Target


class Readout(Protocol):
    """State → (outputs, B); `diagonal` holds the populations of a density matrix."""

    def __call__(self, state: Tensor, tables: Tables, diagonal: Constant | None) -> Tensor: ...


class SampledReadout:
    """A read-out whose values come from finitely many shots."""

    def __init__(self, exact: Readout, shots: int, *, signs: bool) -> None:
        self.exact = exact
        self.shots = shots
        self.signs = signs

    def __call__(self, state: Tensor, tables: Tables, diagonal: Constant | None) -> Tensor:
        values = self.exact(state, tables, diagonal)
        if self.signs:
            return sample_signs(values, self.shots)
        return sample_distribution(values, self.shots)


class MitigatedReadout:
    """Shots on faulty outcomes, then the inverse of the read-out error on their frequencies."""

    def __init__(
        self,
        settings: Sequence[tuple[Sequence[Step], ProbabilityReadout, Constant]],
        shots: int,
    ) -> None:
        self.settings = settings
        """(basis change, faulty distribution, estimator as a table (outputs, 2^k))."""
        self.shots = shots

    def __call__(self, state: Tensor, tables: Tables, diagonal: Constant | None) -> Tensor:
        rows = []
        for steps, faulty, estimator in self.settings:
            changed = state
            for step in steps:
                changed = step(changed, tables)
            weights = faulty(changed, tables, diagonal)
            table = estimator.like(weights)
            sampled = sample_distribution(weights, self.shots)
            rows.append(straight_through(table @ weights, table @ sampled))
        return torch.cat(rows)


def build_readout(
    circuit: Circuit, schedule: Scheduler, target: Target, noise: NoiseModel | None
) -> tuple[Readout, list[Primitive], bool]:
    """The read-out, the primitives that must come before it in the circuit, and whether it then
    sees nothing but the populations of a pure state."""
    errors = (0.0, 0.0) if noise is None else noise.readout
    if target.mitigate == "readout" and target.shots is None:
        # The inverse of the confusion matrix is exact without sampling.
        errors = (0.0, 0.0)
    density = circuit.qubits if noise is not None else None
    constants = schedule.constants
    if target.mitigate == "readout" and target.shots is not None and errors != (0.0, 0.0):
        mitigated = _mitigated(circuit, schedule, errors, target.shots, density)
        return MitigatedReadout(mitigated, target.shots), [], False
    change: list[Primitive] = []
    blind = noise is None
    match circuit.readout:
        case Probabilities(qubits=kept):
            matrix = constants.real(confusion(errors, len(kept))) if any(errors) else None
            exact: Readout = ProbabilityReadout(kept, circuit.qubits, matrix)
        case Expectations(paulis=paulis):
            groups = group_by_basis(paulis)
            alone = len(groups) == 1
            blind = blind and alone
            if alone:
                change = _doubled(groups[0][0], density)
            up, down = errors
            settings = [
                Setting(
                    steps=tuple(_setting_steps(basis, schedule, density) if not alone else ()),
                    table=constants.real(
                        observable_table(
                            [paulis[index] for index in members],
                            circuit.qubits,
                            (1 - 2 * up, 2 * down - 1),
                        )
                    ),
                )
                for basis, members in groups
            ]
            order = [index for _, members in groups for index in members]
            exact = ExpectationReadout(settings, order, constants)
    if target.shots is None:
        return exact, change, blind
    signs = isinstance(circuit.readout, Expectations)
    return SampledReadout(exact, target.shots, signs=signs), change, blind


def _mitigated(
    circuit: Circuit,
    schedule: Scheduler,
    errors: tuple[float, float],
    shots: int,
    density: int | None,
) -> list[tuple[Sequence[Step], ProbabilityReadout, Constant]]:
    constants = schedule.constants
    match circuit.readout:
        case Probabilities(qubits=kept):
            matrix = confusion(errors, len(kept))
            return [
                (
                    (),
                    ProbabilityReadout(kept, circuit.qubits, constants.real(matrix)),
                    constants.real(torch.linalg.inv(matrix)),
                )
            ]
        case Expectations(paulis=paulis):
            return [_mitigated_pauli(p, circuit.qubits, schedule, errors, density) for p in paulis]


def _mitigated_pauli(
    pauli: Pauli,
    qubits: int,
    schedule: Scheduler,
    errors: tuple[float, float],
    density: int | None,
) -> tuple[Sequence[Step], ProbabilityReadout, Constant]:
    constants = schedule.constants
    kept = tuple(qubit for qubit, _ in pauli.letters)
    matrix = confusion(errors, len(kept))
    local = Pauli(letters=tuple((k, "Z") for k in range(len(kept))), sign=pauli.sign)
    estimator = observable_table([local], len(kept)) @ torch.linalg.inv(matrix)
    return (
        _setting_steps(dict(pauli.letters), schedule, density),
        ProbabilityReadout(kept, qubits, constants.real(matrix)),
        constants.real(estimator),
    )


def _setting_steps(basis: Basis, schedule: Scheduler, density: int | None) -> list[Step]:
    return schedule.steps([merge(_doubled(basis, density))])


def _doubled(basis: Basis, density: int | None) -> list[Primitive]:
    change = basis_change(basis)
    if density is None:
        return change
    return [*change, *(conjugate(primitive, density) for primitive in change)]


def confusion(errors: tuple[float, float], count: int) -> Tensor:
    """(2^count, 2^count): column what is there, row what is read; float64."""
    up, down = errors
    one = torch.tensor([[1 - up, down], [up, 1 - down]], dtype=torch.float64, device="cpu")
    total = torch.ones(1, 1, dtype=torch.float64, device="cpu")
    for _ in range(count):
        total = torch.kron(total, one)
    return total
