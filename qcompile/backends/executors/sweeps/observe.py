"""Read-out: Pauli strings and probabilities from the distribution over basis states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.backends.executors.constants import Constant, Constants
from qcompile.backends.executors.sweeps.steps import Step, Tables
from qcompile.ir.circuit import Pauli
from qcompile.ir.gates import PauliLetter
from qcompile.ir.primitives import Primitive, to_z_basis

Basis = dict[int, PauliLetter]


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


def basis_change(basis: Basis) -> list[Primitive]:
    """Turns the letters of `basis` into Z."""
    return [
        primitive
        for qubit, letter in sorted(basis.items())
        for primitive in to_z_basis(letter, qubit)
    ]


def observable_table(
    paulis: Sequence[Pauli], qubits: int, values: tuple[float, float] = (1.0, -1.0)
) -> Tensor:
    """(len(paulis), 2^qubits): sign · Π over letters of `values`[bit]; float64."""
    basis = torch.arange(2**qubits, device="cpu")
    zero, one = values
    rows = []
    for pauli in paulis:
        row = torch.full((2**qubits,), float(pauli.sign), dtype=torch.float64, device="cpu")
        for qubit, _ in pauli.letters:
            bit = ((basis >> (qubits - 1 - qubit)) & 1).to(torch.float64)
            row = row * (zero + (one - zero) * bit)
        rows.append(row)
    return torch.stack(rows)


def populations(state: Tensor) -> Tensor:
    """|ψ|² of (1, parts, 2^n, B): (2^n, B)."""
    squares = state[0].square()
    return squares[0] if squares.shape[0] == 1 else squares.sum(0)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One measurement setting: its basis change, and the observables as rows of a table."""

    steps: tuple[Step, ...]
    table: Constant


class ExpectationReadout:
    """State → (outputs, B)."""

    def __init__(self, settings: list[Setting], order: list[int], constants: Constants) -> None:
        self.settings = settings
        self.ordered = order == sorted(order)
        places = [0] * len(order)
        for place, output in enumerate(order):
            places[output] = place
        self.places = constants.index(places)

    def __call__(self, state: Tensor, tables: Tables, diagonal: Constant | None) -> Tensor:
        rows = []
        for setting in self.settings:
            changed = state
            for step in setting.steps:
                changed = step(changed, tables)
            weights = distribution(changed, diagonal)
            rows.append(setting.table.like(weights) @ weights)
        result = rows[0] if len(rows) == 1 else torch.cat(rows)
        return result if self.ordered else result.index_select(0, self.places.on(result))


class ProbabilityReadout:
    """State → (2^k, B), the first qubit the most significant bit."""

    def __init__(self, kept: tuple[int, ...], qubits: int, confusion: Constant | None) -> None:
        self.kept = kept
        self.qubits = qubits
        self.confusion = confusion
        """(2^k, 2^k): what is read for what is there."""
        self.rest = tuple(qubit for qubit in range(qubits) if qubit not in kept)

    def __call__(self, state: Tensor, tables: Tables, diagonal: Constant | None) -> Tensor:
        weights = distribution(state, diagonal)
        batch = weights.shape[-1]
        spread = weights.reshape(*(2 for _ in range(self.qubits)), batch)
        spread = spread.permute(*self.kept, *self.rest, self.qubits)
        result = spread.reshape(2 ** len(self.kept), 2 ** len(self.rest), batch).sum(1)
        return result if self.confusion is None else self.confusion.like(result) @ result


def distribution(state: Tensor, diagonal: Constant | None) -> Tensor:
    """Of a pure state, or of a density matrix whose diagonal has the given indices."""
    if diagonal is None:
        return populations(state)
    return state[0, 0].index_select(0, diagonal.on(state))
