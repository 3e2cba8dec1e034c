"""Each expectation value by contracting its own network, the batch index included."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.executors.constants import Constants, ConstantTensor
from qcompile.executors.network.matrices import GateMatrices
from qcompile.executors.shots import sample_signs
from qcompile.ir.circuit_network import (
    GateOperand,
    LetterOperand,
    ObservableOperand,
    ZeroOperand,
    observable_operands,
)
from qcompile.ir.matrices import PauliLetter
from qcompile.ir.network import BATCH
from qcompile.ir.plan import NetworkEvaluation, ObservableNetwork
from qcompile.ir.target import Target

LETTERS: dict[PauliLetter, list[list[complex]]] = {
    "X": [[0, 1], [1, 0]],
    "Y": [[0, -1j], [1j, 0]],
    "Z": [[1, 0], [0, -1]],
}


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One contraction of two tensors of the working list, as a batched matrix product."""

    left: int
    right: int
    equation: str


class ObservableContraction:
    """The frozen contraction of one Pauli string."""

    def __init__(self, evaluation: NetworkEvaluation, network: ObservableNetwork) -> None:
        described = observable_operands(evaluation.circuit, network.output)
        self.operands = described.operands
        self.sign = float(described.sign)
        self.batched = bool(described.result)
        labels = list(described.labels)
        self.pairs: list[Pair] = []
        for step in network.path:
            low, high = sorted(step)
            second, first = labels.pop(high), labels.pop(low)
            remaining = {label for group in labels for label in group} | set(described.result)
            kept = tuple(
                label
                for label in dict.fromkeys((*first, *second))
                if label in remaining or (label == BATCH)
            )
            labels.append(kept)
            self.pairs.append(Pair(left=low, right=high, equation=_equation(first, second, kept)))
        self.final = _equation(labels[0], None, described.result) if labels else None

    def __call__(self, operands: list[Tensor]) -> Tensor:
        """(B,), or () where the value does not depend on data; complex."""
        work = list(operands)
        for pair in self.pairs:
            right, left = work.pop(pair.right), work.pop(pair.left)
            work.append(torch.einsum(pair.equation, left, right))
        assert self.final is not None
        return self.sign * torch.einsum(self.final, work[0])


def _equation(first: tuple[int, ...], second: tuple[int, ...] | None, kept: tuple[int, ...]) -> str:
    letters: dict[int, str] = {}
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for label in (*first, *(second or ())):
        letters.setdefault(label, alphabet[len(letters) % len(alphabet)])

    def text(labels: tuple[int, ...]) -> str:
        return "".join(letters[label] for label in labels)

    sources = text(first) if second is None else f"{text(first)},{text(second)}"
    return f"{sources}->{text(kept)}"


class NetworkEvaluator:
    """data (B, w) and angles (k,) or None → (B, outputs)."""

    def __init__(self, evaluation: NetworkEvaluation, target: Target, constants: Constants) -> None:
        circuit = evaluation.circuit
        self.shots = target.shots
        chosen = sorted(evaluation.networks, key=lambda network: network.output)
        self.contractions = [ObservableContraction(evaluation, network) for network in chosen]
        used = sorted(
            {
                operand.gate
                for contraction in self.contractions
                for operand in contraction.operands
                if isinstance(operand, GateOperand)
            }
        )
        self.matrices = GateMatrices([circuit.gates[index] for index in used], constants)
        self.position = {gate: position for position, gate in enumerate(used)}
        self.letters: dict[PauliLetter, tuple[ConstantTensor, ConstantTensor]] = {}
        for letter, matrix in LETTERS.items():
            values = torch.tensor(matrix, dtype=torch.complex128, device="cpu")
            self.letters[letter] = (
                constants.real(values.real.clone()),
                constants.real(values.imag.clone()),
            )

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor:
        matrices = self.matrices(data, angles)
        conjugates = [matrix.conj() for matrix in matrices]
        letters = {
            letter: torch.complex(real.like(data), imaginary.like(data))
            for letter, (real, imaginary) in self.letters.items()
        }
        one = torch.ones(1, dtype=data.dtype, device=data.device)
        zero = torch.nn.functional.pad(one, (0, 1))
        zero = torch.complex(zero, torch.zeros_like(zero))
        columns = []
        for contraction in self.contractions:
            if contraction.final is None:
                value = data.new_full((), contraction.sign)
            else:
                operands = [
                    self._operand(operand, matrices, conjugates, letters, zero)
                    for operand in contraction.operands
                ]
                value = contraction(operands).real
            columns.append(value.expand(data.shape[0]))
        result = torch.stack(columns, 1)
        return result if self.shots is None else sample_signs(result, self.shots)

    def _operand(
        self,
        operand: ObservableOperand,
        matrices: list[Tensor],
        conjugates: list[Tensor],
        letters: dict[PauliLetter, Tensor],
        zero: Tensor,
    ) -> Tensor:
        match operand:
            case GateOperand():
                chosen = conjugates if operand.conjugate else matrices
                return chosen[self.position[operand.gate]]
            case LetterOperand():
                return letters[operand.letter]
            case ZeroOperand():
                return zero
