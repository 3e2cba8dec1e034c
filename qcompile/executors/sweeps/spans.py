"""How qubits with one-qubit matrices are cut into blocks of neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qcompile.ir.factors import Factor

WIDEST_BLOCK = 5
"""Qubits whose one-qubit matrices are applied as one matrix: 32 × 32 is still memory-bound."""


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


def span_is_real(chains: Mapping[int, Sequence[Factor]], start: int, stop: int) -> bool:
    """Whether all matrices on these qubits are real."""
    return all(factor.real for qubit in range(start, stop) for factor in chains.get(qubit, ()))
