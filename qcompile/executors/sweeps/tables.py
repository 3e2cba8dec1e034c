"""Fixed tables of sweeps, as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

from qcompile.ir.circuit import Pauli
from qcompile.ir.primitives import Generator, Permutation


def eigenvalues(generators: Sequence[Generator], qubits: int) -> Tensor:
    """(2^qubits, len(generators)), float64."""
    basis = torch.arange(2**qubits, device="cpu")
    columns = []
    for generator in generators:
        column = torch.ones(2**qubits, dtype=torch.float64, device="cpu")
        for qubit, kind in generator:
            bit = ((basis >> (qubits - 1 - qubit)) & 1).to(torch.float64)
            column = column * (bit if kind == "n" else 1 - 2 * bit)
        columns.append(column)
    return torch.stack(columns, 1)


def signs(terms: Sequence[tuple[Generator, int]], qubits: int) -> Tensor:
    """(2^qubits, 1) of 1 and -1."""
    turns = torch.tensor([turn for _, turn in terms], dtype=torch.float64, device="cpu")
    exponents = eigenvalues([generator for generator, _ in terms], qubits) @ turns
    return (1 - 2 * torch.remainder(exponents, 2)).unsqueeze(1)


def permutation(gates: Sequence[Permutation], qubits: int) -> Tensor:
    """new[k] = old[table[k]], for all gates in order; int64."""
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
    return total


def depolarising(probability: float, count: int) -> Tensor:
    """(4^count, 4^count) on |ket⟩|bra⟩."""
    size = 2**count
    matrix = (1 - probability) * torch.eye(size * size, dtype=torch.float64, device="cpu")
    for row, column in product(range(size), repeat=2):
        matrix[row * size + row, column * size + column] += probability / size
    return matrix


def observable_values(
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


def confusion(errors: tuple[float, float], count: int) -> Tensor:
    """(2^count, 2^count): column what is there, row what is read; float64."""
    up, down = errors
    one = torch.tensor([[1 - up, down], [up, 1 - down]], dtype=torch.float64, device="cpu")
    total = torch.ones(1, 1, dtype=torch.float64, device="cpu")
    for _ in range(count):
        total = torch.kron(total, one)
    return total
