"""The read-out of a transfer program: linear in the values of the strings, part by part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import torch
from torch import Tensor

from qcompile.executors.constants import Constants, ConstantTensor
from qcompile.executors.shots import sample_distribution, sample_signs, straight_through
from qcompile.executors.transfer.program import OutcomeRead, StringRead, TransferProgram
from qcompile.ir.circuit import Pauli
from qcompile.ir.matrices import PauliLetter

Errors = Sequence[tuple[float, float]]
"""Per qubit (P(read 1 | is 0), P(read 0 | is 1))."""

Covector = tuple[float, float, float, float]
"""Of a qubit's I, X, Y, Z."""

UNSEEN: Covector = (1.0, 0.0, 0.0, 0.0)


class Reading:
    """Parts of the state → (outputs, B)."""

    def __init__(
        self,
        tables: Sequence[tuple[int, ConstantTensor]],
        shots: int | None,
        estimator: ConstantTensor | None,
        *,
        signs: bool,
    ) -> None:
        self.tables = tables
        """(part, (rows, 4^k)): the rows' factors that belong to it."""
        self.shots = shots
        self.estimator = estimator
        """(outputs, rows), on frequencies of faulty outcomes."""
        self.signs = signs
        """Rows are means of 1 and -1; else one distribution."""

    def __call__(self, parts: Mapping[int, Tensor]) -> Tensor:
        found = [table.like(parts[part]) @ parts[part] for part, table in self.tables]
        values = reduce(torch.mul, found)
        if self.shots is None:
            return values
        sample = sample_signs if self.signs else sample_distribution
        if self.estimator is None:
            return sample(values, self.shots)
        estimate = self.estimator.like(values)
        sampled = sample(values.detach(), self.shots)
        return straight_through(estimate @ values, estimate @ sampled)


def build_readings(program: TransferProgram, constants: Constants) -> list[Reading]:
    """One for each of the program's reads."""
    return [_reading(read, program, constants) for read in program.reads]


def _reading(
    read: StringRead | OutcomeRead, program: TransferProgram, constants: Constants
) -> Reading:
    errors = program.readout
    match read:
        case StringRead(paulis=paulis):
            rows = [_string(pauli, errors) for pauli in paulis]
            signs = [float(pauli.sign) for pauli in paulis]
        case OutcomeRead(letters=letters):
            rows = [_outcome(letters, number, errors) for number in range(2 ** len(letters))]
            signs = [1.0] * len(rows)
    tables = []
    for place, (part, qubits) in enumerate(program.places):
        table = torch.stack([_row(row, qubits) for row in rows])
        if place == 0:
            table = table * torch.tensor(signs, dtype=torch.float64).unsqueeze(1)
        tables.append((part, constants.real(table)))
    estimator = None
    if isinstance(read, OutcomeRead) and program.mitigated:
        estimator = constants.real(_estimator(read, errors))
    return Reading(tables, program.shots, estimator, signs=isinstance(read, StringRead))


def _string(pauli: Pauli, errors: Errors) -> dict[int, Covector]:
    """Reading a letter gives a mean of 1 and -1, moved by unequal errors."""
    return {
        qubit: _letter(letter, errors[qubit][1] - errors[qubit][0], 1 - sum(errors[qubit]))
        for qubit, letter in pauli.letters
    }


def _outcome(
    letters: Sequence[tuple[int, PauliLetter]], number: int, errors: Errors
) -> dict[int, Covector]:
    """The probability to read the bits of `number`."""
    found = {}
    for place, (qubit, letter) in enumerate(letters):
        up, down = errors[qubit]
        one = number >> (len(letters) - 1 - place) & 1
        zero_reads, one_reads = (up, 1 - down) if one else (1 - up, down)
        found[qubit] = _letter(letter, (zero_reads + one_reads) / 2, (zero_reads - one_reads) / 2)
    return found


def _letter(letter: PauliLetter, unit: float, value: float) -> Covector:
    x, y, z = (value if letter == other else 0.0 for other in "XYZ")
    return unit, x, y, z


def _row(row: Mapping[int, Covector], qubits: Sequence[int]) -> Tensor:
    """(4^k,) of the qubits of a part."""
    result = torch.ones(1, dtype=torch.float64)
    for qubit in qubits:
        result = torch.kron(result, torch.tensor(row.get(qubit, UNSEEN), dtype=torch.float64))
    return result


def _estimator(read: OutcomeRead, errors: Errors) -> Tensor:
    """(outputs, 2^k): what was there, or the value of the product, from what was read."""
    result = torch.ones(1, 1, dtype=torch.float64)
    for qubit, _ in read.letters:
        up, down = errors[qubit]
        confusion = torch.tensor([[1 - up, down], [up, 1 - down]], dtype=torch.float64)
        # A reading that says nothing has no inverse.
        one = torch.linalg.pinv(confusion)
        if read.sign is not None:
            one = torch.tensor([[1.0, -1.0]], dtype=torch.float64) @ one
        result = torch.kron(result, one)
    return result if read.sign is None else read.sign * result
