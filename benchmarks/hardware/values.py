"""Values of what a compiler made, under a fake device's noise model: exact, or sampled.

The model is that of `qcompile.testing.noisy_device`: the error of each gate, and relaxation while
qubits wait.
"""

from __future__ import annotations

import numpy as np

from qcompile.testing.noisy_device import NoisyDevice, NoisyProgram, noisy_values
from qcompile.testing.noisy_samples import sampled_values

EXACT = 9
"""Qubits that take part at a time up to which values are computed exactly."""

FEWEST, MOST = 256, 4096
"""Samples in which an error happens."""

AMPLITUDES = 1 << 24
"""Of all samples of one program together, at most."""

CLOSE = 0.15
"""Standard error that ends the sampling, of what is lost, both averaged over outputs."""


def values_of(
    program: NoisyProgram, device: NoisyDevice, ideal: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Values of the outputs as read, with the errors of reading undone, and the latter's mean
    standard error; 0 where they are exact.

    Args:
        ideal: (outputs,), the values without noise.
    """
    if _peak(program) <= EXACT:
        return *noisy_values(program, device), 0.0
    most = max(FEWEST, min(MOST, AMPLITUDES >> len(ideal)))
    samples = FEWEST
    while True:
        found = sampled_values(program, device, samples)
        error = float(found.standard_errors.mean())
        lost = float(np.abs(found.undone - ideal).mean())
        if error <= CLOSE * lost or samples >= most:
            return found.read, found.undone, error
        samples = min(most, round(1.2 * samples * (error / (CLOSE * lost)) ** 2))


def _peak(program: NoisyProgram) -> int:
    """How many qubits take part at a time."""
    last = {
        qubit: position
        for position, operation in enumerate(program.operations)
        for qubit in operation.qubits
    }
    strings = [out[1] for out in program.outputs if not isinstance(out, int)]
    kept = {qubit for qubits in strings if len(qubits) > 1 for qubit in qubits}
    present: set[int] = set()
    most = len(kept)
    for position, operation in enumerate(program.operations):
        present.update(operation.qubits)
        most = max(most, len(present | kept))
        present -= {q for q in operation.qubits if last[q] == position and q not in kept}
    return most
