"""TensorCircuit-NG on torch: the state of a token by its contractor, torch.func.vmap over tokens.

A general rotation is one `u` gate, which is faster than three rotations, and outcomes are weighed
by a table of signs, which is faster than its expectation values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorcircuit
import torch
from torch import Tensor
from works import Work


def build(work: Work, angles: Tensor) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    tensorcircuit.set_backend("pytorch")
    tensorcircuit.set_dtype("complex64")
    n = work.qubits
    rows = torch.arange(2**n)
    signs = torch.stack([1.0 - 2 * (rows >> (n - 1 - q) & 1) for q in range(n)], 1)

    def state(data: Tensor, trained: Tensor) -> Any:
        if work.amplitudes:
            start = (data / data.norm()).to(torch.complex64)
            circuit = tensorcircuit.Circuit(n, inputs=start)
        else:
            circuit = tensorcircuit.Circuit(n)
        for step in work.steps:
            if step.gate == "rot":
                first, second, third = (trained[step.angle + k] for k in range(3))
                circuit.u(*step.wires, theta=second, phi=third, lbd=first)
            elif step.gate == "cx":
                circuit.cnot(*step.wires)
            else:
                angle = trained[step.angle] if step.data is None else data[step.data]
                getattr(circuit, step.gate)(*step.wires, theta=angle)
        return circuit.state()

    batched = tensorcircuit.backend.vmap(state, vectorized_argnums=0)

    def run(data: Tensor) -> Tensor:
        psi = batched(data, angles)
        return (psi.real.square() + psi.imag.square()) @ signs

    return run, angles
