"""Circuits on a GPU: Triton's kernels, the same captured in a CUDA graph, and the form in torch.

Forward and backward with gradients for data and angles, float32, milliseconds between CUDA events,
contestants in turn. Says so and ends where there is no GPU.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from benchmarks.circuits import uploading_circuit
from qcompile.executors.constants import Constants
from qcompile.executors.executor import Evaluator
from qcompile.executors.fused.gpu.available import gpu_runs, triton_installed
from qcompile.executors.registry import executor_of
from qcompile.ir.plan import FusedEvaluation, StatevectorEvaluation
from qcompile.ir.target import DEFAULT_TARGET

Step = Callable[[], object]


def step_of(run: Evaluator, data: Tensor, angles: Tensor) -> Step:
    return lambda: torch.autograd.grad(run(data, angles).square().sum(), (data, angles))


def captured(step: Step) -> Step:
    """After steps on another stream, which compile the kernels."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def milliseconds(step: Step) -> float:
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    first.record()
    step()
    last.record()
    last.synchronize()
    return first.elapsed_time(last)


def main(argv: Sequence[str] | None = None) -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--qubits", type=int, nargs="+", default=[4, 8, 10, 12])
    arguments.add_argument("--layers", type=int, default=4)
    arguments.add_argument("--batch", type=int, default=8192)
    arguments.add_argument("--repeats", type=int, default=20)
    chosen = arguments.parse_args(argv)
    if not torch.cuda.is_available() or not triton_installed() or not gpu_runs(0, 0):
        print("not timed: there is no GPU that Triton's kernels run on")
        return
    print(f"{torch.cuda.get_device_name()}, {chosen.batch} tokens, medians of {chosen.repeats}")
    for qubits in chosen.qubits:
        circuit = uploading_circuit(qubits, chosen.layers, "crz")
        eager = StatevectorEvaluation(circuit=circuit)
        fused = FusedEvaluation(circuit=circuit, eager=eager)
        data = torch.randn(chosen.batch, qubits, device="cuda").requires_grad_()
        angles = torch.randn(circuit.angle_count, device="cuda").requires_grad_()
        kernels, in_torch = (
            step_of(executor_of(form).build(form, DEFAULT_TARGET, Constants()), data, angles)
            for form in (fused, eager)
        )
        steps = {"kernels": kernels, "captured": captured(kernels), "in torch": in_torch}
        times: dict[str, list[float]] = {name: [] for name in steps}
        for turn in range(chosen.repeats + 3):
            for name, step in steps.items():
                found = milliseconds(step)
                if turn >= 3:
                    times[name].append(found)
        shown = (f"{name} {sorted(t)[len(t) // 2]:.3f} ms" for name, t in times.items())
        print(f"{qubits} qubits, {chosen.layers} layers: {', '.join(shown)}", flush=True)


if __name__ == "__main__":
    main()
