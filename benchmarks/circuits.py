"""Evaluators of the re-uploading circuit of arXiv:2503.12790 side by side.

Forward and backward with gradients for data and angles, CPU time of one thread, interleaved.
Compare within a line: `python benchmarks/circuits.py --qubits 4 6 8 --batch 2048`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from qcompile.executors.constants import Constants
from qcompile.executors.registry import executor_of
from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, ZeroState
from qcompile.ir.gates import GateName
from qcompile.ir.plan import DataLayer, DenseEvaluation, HoistedBlock, StatevectorEvaluation
from qcompile.ir.target import DEFAULT_TARGET

Run = Callable[[Tensor, Tensor], Tensor]


def uploading_circuit(qubits: int, layers: int, pair: GateName) -> Circuit:
    """RY(h), ring, RY, reversed ring, RY in each layer; ⟨Z⟩ on every qubit."""
    gates: list[Gate] = []
    count = 0

    def fresh() -> tuple[Affine, ...]:
        nonlocal count
        count += 1
        return (Affine(angles=((count - 1, 1.0),)),)

    for _ in range(layers):
        for q in range(qubits):
            gates.append(Gate(name="ry", qubits=(q,), angles=(Affine(data=((q, 1.0),)),)))
        for step in (1, -1):
            gates += [
                Gate(name=pair, qubits=(q, (q + step) % qubits), angles=fresh())
                for q in range(qubits)
            ]
            gates += [Gate(name="ry", qubits=(q,), angles=fresh()) for q in range(qubits)]
    return Circuit(
        qubits=qubits,
        data_width=qubits,
        angle_count=count,
        initial=ZeroState(),
        gates=tuple(gates),
        readout=Expectations(paulis=tuple(Pauli(letters=((q, "Z"),)) for q in range(qubits))),
    )


def segments(circuit: Circuit) -> tuple[HoistedBlock | DataLayer, ...]:
    """Gates between encodings, hoisted."""
    runs: list[tuple[bool, list[Gate]]] = []
    for gate in circuit.gates:
        from_data = any(angle.data for angle in gate.angles)
        if not runs or runs[-1][0] != from_data:
            runs.append((from_data, []))
        runs[-1][1].append(gate)
    return tuple(
        DataLayer(gates=tuple(gates)) if from_data else HoistedBlock(gates=tuple(gates))
        for from_data, gates in runs
    )


def gate_by_gate(circuit: Circuit) -> Run:
    """The textbook form: every gate a complex matrix on every token's state."""
    paulis = {
        "x": torch.tensor([[0, 1], [1, 0]], dtype=torch.complex64),
        "y": torch.tensor([[0, -1j], [1j, 0]], dtype=torch.complex64),
        "z": torch.tensor([[1, 0], [0, -1]], dtype=torch.complex64),
    }
    one = torch.eye(2, dtype=torch.complex64)

    def run(data: Tensor, angles: Tensor) -> Tensor:
        batch, n = data.shape[0], circuit.qubits
        state = torch.zeros(batch, 2**n, dtype=torch.complex64)
        state[:, 0] = 1
        state = state.reshape(batch, *(2,) * n)
        for gate in circuit.gates:
            (affine,) = gate.angles
            angle = data[:, affine.data[0][0]] if affine.data else angles[affine.angles[0][0]]
            half = 0.5 * angle.reshape(-1, 1, 1)
            matrix = half.cos() * one - 1j * half.sin() * paulis[gate.name[-1]]
            axes = [1 + q for q in gate.qubits]
            moved = state.movedim(axes, list(range(1, 1 + len(axes)))).clone()
            part = moved[:, 1] if len(axes) == 2 else moved
            turned = (matrix @ part.reshape(batch, 2, -1)).reshape(part.shape)
            moved = torch.stack((moved[:, 0], turned), 1) if len(axes) == 2 else turned
            state = moved.movedim(list(range(1, 1 + len(axes))), axes)
        weights = state.abs().square()
        values = []
        for q in range(n):
            split = weights.movedim(1 + q, 1).reshape(batch, 2, -1).sum(2)
            values.append(split[:, 0] - split[:, 1])
        return torch.stack(values, 1)

    return run


def measure(runs: dict[str, Run], data: Tensor, angles: Tensor, repeats: int) -> dict[str, float]:
    """Best CPU time in ms; the contestants take turns."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.process_time()
            torch.autograd.grad(run(data, angles).square().sum(), (data, angles))
            best[name] = min(best[name], 1e3 * (time.process_time() - start))
    return best


def main(argv: Sequence[str] | None = None) -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--qubits", type=int, nargs="+", default=[4, 6, 8])
    arguments.add_argument("--layers", type=int, help="default: as many as qubits")
    arguments.add_argument("--batch", type=int, default=2048)
    arguments.add_argument("--pair", choices=("crz", "cry"), default="crz", help="ring gate")
    arguments.add_argument("--repeats", type=int, default=5)
    arguments.add_argument("--compile", action="store_true", help="add compiled forms")
    chosen = arguments.parse_args(argv)
    torch.set_num_threads(1)
    for qubits in chosen.qubits:
        circuit = uploading_circuit(qubits, chosen.layers or qubits, chosen.pair)
        dense = DenseEvaluation(circuit=circuit, segments=segments(circuit))
        statevector = StatevectorEvaluation(circuit=circuit)
        runs: dict[str, Run] = {
            "dense": executor_of(dense).build(dense, DEFAULT_TARGET, Constants()),
            "statevector": executor_of(statevector).build(statevector, DEFAULT_TARGET, Constants()),
            "textbook": gate_by_gate(circuit),
        }
        if chosen.compile:
            for name in ("dense", "statevector"):
                runs[f"{name}, compiled"] = torch.compile(runs[name])
        data = torch.randn(chosen.batch, qubits).requires_grad_()
        angles = torch.randn(circuit.angle_count).requires_grad_()
        values = [run(data, angles) for run in runs.values()]
        for value in values[1:]:
            torch.testing.assert_close(value, values[0], atol=1e-4, rtol=1e-4)
        times = measure(runs, data, angles, chosen.repeats)
        reference = times["textbook"]
        line = " | ".join(
            f"{name} {value:.1f} ms ({reference / value:.1f}×)" for name, value in times.items()
        )
        print(f"{qubits} qubits, {chosen.layers or qubits} layers: {line}")


if __name__ == "__main__":
    main()
