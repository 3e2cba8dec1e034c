"""What steps of circuits cannot be faster than, in torch and in the library.

    python benchmarks/limits.py [--works NAME …] [--seconds S]

For torch: products of matrices at the rate of a batched product of 16 × 16 blocks, and what is
written at that of a product of two tensors in the cache, both measured here; a step has three times
the work of its forward pass. For the library: the two calls alone, and an empty
`autograd.Function` in their place, through the same module. Processor time of one thread, the best
of many.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

import qcompile
from benchmarks.peers.works import WORKS, Work
from qcompile.backends.simulator.module import AdapterModule
from qcompile.executors.constants import Constants
from qcompile.executors.fused.build import FusedEvaluator
from qcompile.executors.registry import executor_of
from qcompile.executors.sweeps.assemble import sweep_program
from qcompile.executors.sweeps.count import count
from qcompile.ir.plan import (
    AdjointEvaluation,
    DenseEvaluation,
    Evaluation,
    EvaluationNode,
    FusedEvaluation,
    StatevectorEvaluation,
)
from qcompile.ir.target import DEFAULT_TARGET

STEPS = 3
"""Forward, and backward by the state and by the matrices."""


class Empty(torch.autograd.Function):
    """As a circuit, of the same tensors, doing nothing."""

    @staticmethod
    def forward(ctx: Any, data: Tensor, angles: Tensor, outputs: int) -> Tensor:
        ctx.shapes = data.shape, angles.shape
        return data.new_empty(data.shape[0], outputs)

    @staticmethod
    def backward(ctx: Any, weights: Tensor) -> tuple[Tensor, Tensor, None]:
        of_data, of_angles = ctx.shapes
        return weights.new_empty(of_data), weights.new_empty(of_angles), None


def best(run: Callable[[], object], seconds: float) -> float:
    """Of one call, in seconds."""
    found, end = float("inf"), time.monotonic() + seconds
    while time.monotonic() < end:
        started = time.process_time()
        for _ in range(3):
            run()
        found = min(found, (time.process_time() - started) / 3)
    return found


def rates(seconds: float) -> tuple[float, float]:
    """FLOPs a second of products of blocks; bytes written a second."""
    blocks, states = torch.randn(4, 16, 16), torch.randn(4, 16, 4096)
    made = torch.empty_like(states)
    product = best(lambda: torch.bmm(blocks, states, out=made), seconds)
    passed = best(lambda: torch.mul(states, states, out=made), seconds)
    return 2 * 16 * made.numel() / product, 4 * made.numel() / passed


def step(adapter: qcompile.CompiledAdapter, work: Work) -> Callable[[], object]:
    torch.manual_seed(0)
    data = torch.randn(work.batch, work.width, requires_grad=True)
    weights = torch.randn(work.batch, work.qubits)
    leaves = (data, *adapter.parameters())
    return lambda: torch.autograd.grad(adapter(data), leaves, weights)


def in_torch(part: AdapterModule, fused: FusedEvaluation) -> dict[int, Any]:
    eager = fused.eager
    built = executor_of(eager).build(eager, DEFAULT_TARGET, Constants())
    return dict.fromkeys(_places(part), built)


def _places(part: AdapterModule) -> list[int]:
    return [i for i, n in enumerate(part.plan.nodes) if isinstance(n, EvaluationNode)]


def line(work: Work, speeds: tuple[float, float], seconds: float) -> str:
    adapter = qcompile.compile(work.source, tokens=work.batch)
    ((_, part),) = adapter.parts()
    (fused,) = (node.evaluation for node in part.plan.nodes if isinstance(node, EvaluationNode))
    assert isinstance(fused, FusedEvaluation)
    run = step(adapter, work)
    cells = [f"{1e3 * best(run, seconds):.3g}"]
    (evaluator,) = part.circuit_evaluators()
    if isinstance(evaluator, FusedEvaluator):
        operators = torch.ops.qcompile
        data, weights = torch.randn(work.batch, work.width), torch.randn(work.batch, work.qubits)
        angles = torch.randn(work.angles)
        code = evaluator.code.value
        alone = best(lambda: operators.fused_values(code, data, angles, work.qubits, []), seconds)
        alone += best(lambda: operators.fused_gradients(code, data, angles, weights, []), seconds)
        empty: Any = lambda data, angles: Empty.apply(data, angles, work.qubits)  # noqa: E731
        part.use_evaluators(dict.fromkeys(_places(part), empty))
        cells += [f"{1e3 * alone:.3g}", f"{1e3 * best(run, seconds):.3g}"]
    else:
        cells += ["not built", "not built"]
    part.use_evaluators(in_torch(part, fused))
    taken = best(run, seconds)
    limit = least(fused.eager, work.batch, speeds)
    cells += [fused.eager.kind, f"{1e3 * taken:.3g}", *(f"{1e3 * s:.3g}" for s in limit)]
    return f"| {work.title} | {' | '.join(cells)} |"


def least(eager: Evaluation, tokens: int, speeds: tuple[float, float]) -> list[float]:
    """Seconds of products, and of what is written; none of what has no sweeps."""
    sweeps = eager.sweeps if isinstance(eager, AdjointEvaluation) else eager
    if not isinstance(sweeps, DenseEvaluation | StatevectorEvaluation):
        return [float("nan")] * 2
    counted = count(sweep_program(sweeps, DEFAULT_TARGET))
    products = counted.once.products + tokens * counted.each.products
    written = counted.once.written + tokens * counted.each.written
    return [STEPS * products / speeds[0], STEPS * 4 * written / speeds[1]]


TITLES = (
    "work", "library, ms", "its two calls alone", "empty function in their place",
    "form in torch", "in torch, ms", "least of products", "least of what is written",
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python benchmarks/limits.py", description=__doc__)
    parser.add_argument("--works", nargs="+", choices=list(WORKS), default=list(WORKS))
    parser.add_argument("--seconds", type=float, default=2.0, help="for each measurement")
    options = parser.parse_args(argv)
    logging.disable()
    torch.set_num_threads(1)
    speeds = rates(options.seconds)
    print(f"products {1e-9 * speeds[0]:.0f} GFLOP/s, passes {1e-9 * speeds[1]:.1f} GB/s written\n")
    print(f"| {' | '.join(TITLES)} |\n|{'---|' * len(TITLES)}")
    for name in options.works:
        print(line(WORKS[name], speeds, options.seconds), flush=True)


if __name__ == "__main__":
    main()
