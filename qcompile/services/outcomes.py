"""What was read: outcomes with their weights, for many bindings at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qcompile.ir.circuit import Circuit, Expectations, Probabilities
from qcompile.qiskit.observables import measured_qubits

SUM = 1e-6
"""By which probabilities may differ from 1 in total."""

MOST_READ = 62
"""Qubits whose outcomes fit into a code."""

Errors = Sequence[tuple[float, float]]
"""For each qubit that is read (P(read 1 | is 0), P(read 0 | is 1)), least significant bit first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Of one binding."""

    codes: NDArray[np.int64]
    """(N,) outcomes as numbers: bit k is that of `measured_qubits(circuit)[k]`."""
    weights: NDArray[np.float64]
    """(N,) counts, or probabilities where they are exact."""


def dense_rows(weights: NDArray[np.float64]) -> list[Row]:
    """Rows of (K, 2^q) counts or probabilities of all outcomes."""
    found = []
    for row in weights:
        codes = np.flatnonzero(row)
        found.append(Row(codes=codes.astype(np.int64), weights=row[codes]))
    return found


def row_defect(row: Row, qubits: int, shots: int | None) -> str | None:
    """Why a row is no result of so many shots; None where it is one."""
    weights, codes = row.weights, row.codes
    if not np.isfinite(weights).all():
        return "a weight is not a number"
    if (weights < -SUM).any():
        return "a weight is negative"
    if len(codes) and (codes.min() < 0 or int(codes.max()) >> qubits):
        return f"an outcome has more than {qubits} bits"
    total = float(weights.sum())
    if shots is None and abs(total - 1) > SUM:
        return f"its probabilities add up to {total:.6g}"
    if shots is not None and total != shots:
        return f"it has {total:.6g} of {shots} shots"
    return None


def values(circuit: Circuit, rows: Iterable[Row], errors: Errors | None) -> NDArray[np.float64]:
    """(K, outputs) of a circuit that reads strings of Z or probabilities.

    Args:
        circuit: What was run.
        rows: One for each binding.
        errors: Undo these errors of reading: by weights for each outcome that make the mean that
            of the state, so that it stays unbiased, and its variance grows. Probabilities may
            become negative by that.
    """
    found = list(rows)
    qubits = measured_qubits(circuit)
    codes = np.concatenate([row.codes for row in found]) if found else np.empty(0, np.int64)
    weights = np.concatenate([row.weights / row.weights.sum() for row in found])
    owner = np.repeat(np.arange(len(found)), [len(row.codes) for row in found])
    match circuit.readout:
        case Probabilities(qubits=read):
            result = np.zeros((len(found), 2 ** len(read)))
            np.add.at(result, (owner, codes), weights)
            return result if errors is None else _undone(result, errors)
        case Expectations(paulis=paulis):
            letters = _letters(errors, len(qubits))
            columns = []
            for pauli in paulis:
                estimate = weights.copy()
                for qubit, _ in pauli.letters:
                    place = qubits.index(qubit)
                    estimate *= np.where(codes >> place & 1, *letters[place][::-1])
                columns.append(pauli.sign * np.bincount(owner, estimate, minlength=len(found)))
            return np.stack(columns, 1)


def _letters(errors: Errors | None, count: int) -> list[tuple[float, float]]:
    """What a bit counts where it is 0 and where it is 1; ±1 without errors.

    With errors u and d the mean over what is read is ±1 for the two states:
    (1 - u) a + u b = 1, d a + (1 - d) b = -1.
    """
    if errors is None:
        return [(1.0, -1.0)] * count
    return [
        ((1 - down + up) / (1 - up - down), -(1 - up + down) / (1 - up - down))
        for up, down in errors
    ]


def _undone(rows: NDArray[np.float64], errors: Errors) -> NDArray[np.float64]:
    found = (np.linalg.inv(_confusion(up, down)) for up, down in errors)
    return _bitwise(rows, [matrix.astype(np.float64) for matrix in found])


def with_errors(rows: NDArray[np.float64], errors: Errors) -> NDArray[np.float64]:
    """(K, 2^q): what is read of distributions where each qubit is read wrongly now and then."""
    return _bitwise(rows, [_confusion(up, down) for up, down in errors])


def _confusion(up: float, down: float) -> NDArray[np.float64]:
    """(read, is)."""
    return np.array([[1 - up, down], [up, 1 - down]])


def _bitwise(
    rows: NDArray[np.float64], matrices: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """(K, 2^q), each matrix on one bit of the outcomes, the least significant first."""
    count = len(matrices)
    spread = rows.reshape(len(rows), *(2 for _ in matrices))
    for bit, matrix in enumerate(matrices):
        axis = count - bit
        spread = np.moveaxis(np.tensordot(matrix, spread, (1, axis)), 0, axis)
    return spread.reshape(rows.shape)
