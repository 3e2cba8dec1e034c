"""Each expectation value by contracting its own network, the batch index included."""

from __future__ import annotations

import torch
from torch import Tensor

from qcompile.executors.constants import Constants, ConstantTensor
from qcompile.executors.network.matrices import GateMatrices, complex_table
from qcompile.executors.network.program import (
    Contraction,
    MatrixOperand,
    NetworkProgram,
    Operand,
    Pair,
)
from qcompile.executors.shots import sample_signs
from qcompile.ir.circuit_network import LetterOperand, ZeroOperand
from qcompile.ir.matrices import PAULIS

LETTERS = "XYZ"


class NetworkEvaluator:
    """data (B, w) and angles (k,) or None → (B, outputs)."""

    def __init__(self, program: NetworkProgram, shots: int | None, constants: Constants) -> None:
        self.shots = shots
        self.matrices = GateMatrices(program.groups, constants)
        self.qubits = [group.qubits for group in program.groups]
        self.contractions = program.contractions
        self.letters = complex_table([PAULIS[letter] for letter in LETTERS], constants)
        self.flip = constants.real(torch.tensor([1.0, -1.0], dtype=torch.float64, device="cpu"))
        """Conjugates: not `conj`, for which torch.func.vmap has no rule."""
        self.zero = complex_table([(1, 0)], constants)
        signs = torch.tensor(
            [float(c.sign) for c in program.contractions], dtype=torch.float64, device="cpu"
        )
        self.signs = constants.real(signs)

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor:
        batch = data.shape[0]
        matrices = self.matrices(data, angles)
        flip = self.flip.like(data)
        conjugates = [torch.view_as_complex(torch.view_as_real(m) * flip) for m in matrices]
        letters, zero = _complex(self.letters, data), _complex(self.zero, data).reshape(2)

        def tensor(operand: Operand) -> Tensor:
            match operand:
                case MatrixOperand(group=group, position=position):
                    matrix = (conjugates if operand.conjugate else matrices)[group][position]
                    sides = (2,) * (2 * self.qubits[group])
                    if self.matrices.batched[group]:
                        return matrix.reshape(batch, *sides)
                    return matrix.reshape(sides)
                case LetterOperand(letter=letter):
                    return letters[LETTERS.index(letter)].reshape(2, 2)
                case ZeroOperand():
                    return zero

        columns = []
        for place, contraction in enumerate(self.contractions):
            if contraction.pairs:
                operands = [tensor(operand) for operand in contraction.operands]
                value = contract_pairs(contraction, operands, batch)
            else:
                value = self.signs.like(data)[place]
            columns.append(value.expand(batch))
        result = torch.stack(columns, 1)
        return result if self.shots is None else sample_signs(result, self.shots)


def contract_pairs(contraction: Contraction, operands: list[Tensor], batch: int) -> Tensor:
    """(B,), or () where no operand depends on data; real."""
    working = operands
    for pair in contraction.pairs:
        product = multiply_pair(pair, working[pair.left], working[pair.right], batch)
        working = [t for place, t in enumerate(working) if place not in (pair.left, pair.right)]
        working.append(product)
    value = working[0].real
    return -value if contraction.sign < 0 else value


def multiply_pair(pair: Pair, left: Tensor, right: Tensor, batch: int) -> Tensor:
    """([B,] 2, 2, …) each, as the pair says."""
    on_left, on_right = pair.batched
    rows, summed, columns = 2 ** len(pair.rows), 2 ** len(pair.summed[0]), 2 ** len(pair.columns)
    first = _permuted(left, (*pair.rows, *pair.summed[0]), on_left)
    second = _permuted(right, (*pair.summed[1], *pair.columns), on_right)
    if on_right:
        first = first.reshape(batch, rows, summed)
        product = first @ second.reshape(batch, summed, columns)
    else:
        first = first.reshape((batch if on_left else 1) * rows, summed)
        product = first @ second.reshape(summed, columns)
    sides = (2,) * (len(pair.rows) + len(pair.columns))
    return product.reshape(batch, *sides) if on_left else product.reshape(sides)


def _permuted(tensor: Tensor, axes: tuple[int, ...], batched: bool) -> Tensor:
    return tensor.permute(0, *(axis + 1 for axis in axes)) if batched else tensor.permute(axes)


def _complex(table: ConstantTensor, reference: Tensor) -> Tensor:
    return torch.view_as_complex(table.like(reference))
