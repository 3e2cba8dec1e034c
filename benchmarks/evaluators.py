"""Evaluators as the cost model chooses them, beside the fastest of those that were measured.

Circuits of an encoding and layers of a general rotation with entanglers, drawn from a grid of
qubits, depths, patterns and tokens. Forward and backward with gradients for data and angles, CPU
time of one thread, interleaved, the best of some runs. What is predicted to take more than six
times as long as the choice is not run. With `--library` the compiled library is among them.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import math
import random
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

import qcompile
from qcompile.executors.constants import Constants
from qcompile.executors.costing import Workload
from qcompile.executors.executor import Refusal, Request
from qcompile.executors.registry import EXECUTORS
from qcompile.ir.circuit import Circuit
from qcompile.ir.limits import DEFAULT_MEMORY
from qcompile.ir.plan import Evaluation, EvaluationNode
from qcompile.ir.target import DEFAULT_TARGET

SOURCE = """qa 1

adapter bench() {{
    shape {qubits} -> {qubits}
    q = circuit({qubits} qubits) {{
        encode angle(x, gate: ry)
        repeat {depth} {{
            rot
            cx {pattern}
        }}
        measure z
    }}
    update q
}}
"""
QUBITS = (2, 4, 6, 8, 10, 12, 14)
DEPTHS = (1, 2, 4, 6)
PATTERNS = ("ring", "brickwork", "all")
TOKENS = (16, 128, 2048)
IN_TORCH = ("statevector", "dense", "network", "adjoint", "mps")
HOPELESS = 6
"""Times the prediction of the choice."""
LONGEST = 4.0
"""Seconds of a step that is still run."""
LARGEST = 2**31
"""Bytes of one."""


def circuit_of(source: str, tokens: int) -> Circuit:
    """As the passes leave it."""
    adapter = qcompile.compile(source, tokens=tokens)
    nodes = adapter.manifest.planned.plans[0].nodes
    (node,) = (node for node in nodes if isinstance(node, EvaluationNode))
    return node.evaluation.circuit


def offers(
    circuit: Circuit, tokens: int, names: Sequence[str]
) -> dict[str, tuple[Evaluation, float]]:
    """What each executor would do, and the seconds that it predicts."""
    load = Workload(tokens=tokens)
    found: dict[str, tuple[Evaluation, float]] = {}
    budget, best = math.inf, None
    for name in names:
        request = Request(
            circuit=circuit,
            target=DEFAULT_TARGET,
            load=load,
            memory_limit=DEFAULT_MEMORY,
            searches=8,
            budget=budget,
            best=best,
        )
        planned = EXECUTORS[name].plan(request)
        if isinstance(planned, Refusal):
            continue
        price = EXECUTORS[name].price(planned, load)
        if price.seconds < budget:
            budget, best = price.seconds, planned
        if price.seconds <= LONGEST and price.bytes <= LARGEST:
            found[name] = planned, price.seconds
    return found


def measure(
    runs: dict[str, Callable[[Tensor, Tensor], Tensor]], circuit: Circuit, tokens: int, repeats: int
) -> dict[str, float]:
    """Best CPU time in seconds; the contestants take turns."""
    data = torch.randn(tokens, circuit.data_width).requires_grad_()
    angles = torch.randn(circuit.angle_count).requires_grad_()
    best = dict.fromkeys(runs, math.inf)
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.process_time()
            torch.autograd.grad(run(data, angles).square().sum(), (data, angles))
            best[name] = min(best[name], time.process_time() - start)
    return best


def main(argv: Sequence[str] | None = None) -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--points", type=int, default=40, help="of the grid; default: 40")
    arguments.add_argument("--repeats", type=int, default=4)
    arguments.add_argument("--library", action="store_true", help="with the compiled library")
    arguments.add_argument("--seed", type=int, default=1)
    chosen = arguments.parse_args(argv)
    torch.set_num_threads(1)
    logging.disable()
    points = list(itertools.product(QUBITS, DEPTHS, PATTERNS, TOKENS))
    random.Random(chosen.seed).shuffle(points)
    names = (*IN_TORCH, *(("fused",) if chosen.library else ()))
    regrets = []
    for qubits, depth, pattern, tokens in points[: chosen.points]:
        source = SOURCE.format(qubits=qubits, depth=depth, pattern=pattern)
        circuit = circuit_of(source, tokens)
        found = offers(circuit, tokens, names)
        title = f"n={qubits} d={depth} {pattern} B={tokens}"
        if not found:
            print(f"{title}: too large")
            continue
        choice = min(found, key=lambda name: found[name][1])
        near = {k: v for k, v in found.items() if v[1] <= HOPELESS * found[choice][1]}
        runs = {
            name: EXECUTORS[name].build(evaluation, DEFAULT_TARGET, Constants())
            for name, (evaluation, _) in near.items()
        }
        times = measure(runs, circuit, tokens, chosen.repeats)
        regrets.append(times[choice] / min(times.values()))
        line = ", ".join(
            f"{name} {1e3 * times[name]:.1f} ({1e3 * near[name][1]:.1f})" for name in times
        )
        print(
            f"{title}: {choice}, {regrets[-1]:.2f} of the best; ms (predicted): {line}", flush=True
        )
    if regrets:
        print(
            f"{len(regrets)} circuits: {sum(r <= 1.3 for r in regrets)} within 1.3 of the best,"
            f" median {statistics.median(regrets):.2f}, worst {max(regrets):.2f}"
        )


if __name__ == "__main__":
    main()
