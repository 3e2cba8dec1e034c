"""What is read at the end of a sweep program, and in which bases."""

from __future__ import annotations

from collections.abc import Sequence

from qcompile.executors.sweeps.program import (
    ExpectationRead,
    MitigatedRead,
    ProbabilityRead,
    Read,
    Setting,
    Sweep,
    sweeps_of_primitives,
)
from qcompile.ir.circuit import Circuit, Expectations, Pauli, Probabilities
from qcompile.ir.matrices import PauliLetter
from qcompile.ir.primitives import Primitive, conjugate, to_z_basis
from qcompile.ir.target import NoiseModel, Target

Basis = dict[int, PauliLetter]


def read_of(
    circuit: Circuit, target: Target, noise: NoiseModel | None
) -> tuple[Read, list[Primitive], tuple[float, float]]:
    """The read-out, the change of basis that must come before it in the circuit, and the errors.

    A single setting leaves its change of basis to the circuit, where it merges with gates.
    """
    errors = (0.0, 0.0) if noise is None else noise.readout
    mitigated = target.mitigate == "readout" and any(errors)
    if mitigated and target.shots is None:
        # The inverse of the confusion matrix is exact without sampling.
        mitigated, errors = False, (0.0, 0.0)
    bras = circuit.qubits if noise is not None else None
    match circuit.readout:
        case Probabilities(qubits=kept):
            return ProbabilityRead(kept=kept, mitigated=mitigated), [], errors
        case Expectations(paulis=paulis) if mitigated:
            settings = tuple(
                Setting(
                    sweeps=_changed(dict(pauli.letters), bras), outputs=(index,), paulis=(pauli,)
                )
                for index, pauli in enumerate(paulis)
            )
            return MitigatedRead(settings=settings), [], errors
        case Expectations(paulis=paulis):
            groups = group_by_basis(paulis)
            alone = len(groups) == 1
            settings = tuple(
                Setting(
                    sweeps=() if alone else _changed(basis, bras),
                    outputs=tuple(members),
                    paulis=tuple(paulis[index] for index in members),
                )
                for basis, members in groups
            )
            change = _change(groups[0][0], bras) if alone else []
            return ExpectationRead(settings=settings), change, errors


def group_by_basis(paulis: Sequence[Pauli]) -> list[tuple[Basis, list[int]]]:
    """Strings that one measurement setting serves: qubit-wise equal letters, greedily."""
    groups: list[tuple[Basis, list[int]]] = []
    for index, pauli in enumerate(paulis):
        for basis, members in groups:
            if all(basis.get(qubit, letter) == letter for qubit, letter in pauli.letters):
                basis.update(pauli.letters)
                members.append(index)
                break
        else:
            groups.append((dict(pauli.letters), [index]))
    return groups


def _changed(basis: Basis, bras: int | None) -> tuple[Sweep, ...]:
    return sweeps_of_primitives(_change(basis, bras))


def _change(basis: Basis, bras: int | None) -> list[Primitive]:
    """Turns the letters of `basis` into Z; of a density matrix on kets and bras."""
    change = [
        primitive
        for qubit, letter in sorted(basis.items())
        for primitive in to_z_basis(letter, qubit)
    ]
    return change if bras is None else [*change, *(conjugate(p, bras) for p in change)]
