"""What the slots of a program are: sums of data, trainable angles and those of the state."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qcompile.executors.measured.amplitudes import tree_angles
from qcompile.executors.measured.program import MeasuredProgram


class Bindings:
    """data (B, data_width), angles (angle_count,), both float64 → (B, slots), radians."""

    def __init__(self, program: MeasuredProgram) -> None:
        count = len(program.slots)
        self._program = program
        self._constant = torch.zeros(count, dtype=torch.float64)
        inputs = program.tree + program.data_width
        self._of_inputs = torch.zeros(inputs, count, dtype=torch.float64)
        self._of_angles = torch.zeros(program.angle_count, count, dtype=torch.float64)
        for number, slot in enumerate(program.slots):
            self._constant[number] = slot.angle.constant
            for index, factor in slot.angle.data:
                self._of_inputs[index, number] = factor
            for index, factor in slot.angle.angles:
                self._of_angles[index, number] = factor

    def of_gates(self, data: Tensor, angles: Tensor) -> Tensor:
        """(B, slots) without the angles of the state, by which torch knows the chain rule."""
        turns = angles @ self._of_angles if len(self._of_angles) else 0.0
        return self._constant + data @ self._of_inputs[self._program.tree :] + turns

    def amplitudes(self, data: Tensor) -> Tensor:
        """(B, width); of width zero where the circuit starts in |0…0⟩."""
        state = self._program.amplitudes
        first, width = (0, 0) if state is None else (state.offset, state.width)
        return data[..., first : first + width]

    def of_amplitudes(self, amplitudes: Tensor) -> NDArray[np.float64]:
        """(B, slots) of amplitudes (B, width)."""
        rows, program = amplitudes.numpy(force=True), self._program
        if program.amplitudes is None:
            return np.zeros((*rows.shape[:-1], len(program.slots)))
        angles = tree_angles(rows, program.amplitudes.qubits)
        found: NDArray[np.float64] = angles @ self._of_inputs[: program.tree].numpy()
        return found
