"""PennyLane's default.qubit with torch's own derivatives, all tokens in one broadcast."""

from __future__ import annotations

from collections.abc import Callable

import pennylane
import torch
from torch import Tensor
from works import Work


def build(work: Work, angles: Tensor) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    wires = range(work.qubits)
    device = pennylane.device("default.qubit", wires=work.qubits)

    @pennylane.qnode(device, interface="torch", diff_method="backprop")
    def circuit(data: Tensor, trained: Tensor) -> list[object]:
        if work.amplitudes:
            pennylane.AmplitudeEmbedding(data, wires=wires, normalize=True)
        for step in work.steps:
            if step.gate == "rot":
                pennylane.Rot(*trained[step.angle : step.angle + 3], wires=step.wires)
            elif step.gate == "cx":
                pennylane.CNOT(wires=step.wires)
            else:
                angle = trained[step.angle] if step.data is None else data[:, step.data]
                gate = {"ry": pennylane.RY, "crz": pennylane.CRZ}[step.gate]
                gate(angle, wires=step.wires)
        return [pennylane.expval(pennylane.PauliZ(q)) for q in wires]

    def run(data: Tensor) -> Tensor:
        return torch.stack(list(circuit(data, angles)), 1).to(torch.float32)

    return run, angles
