"""How circuits in the compiled library grow with qubits, depth and tokens.

    python benchmarks/growth.py [--steps N]

RY encoding and layers of a general rotation with a ring of CX, forward and backward with gradients
for data and angles through the compiled adapter, float32. Printed are the best of several steps in
processor time of one thread, and the rate of the work that `executors/fused/cost.py` counts: where
it stays, time grows as work does.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Sequence

import torch

import qcompile
from benchmarks.peers.works import Work, hardware_efficient
from qcompile.executors.fused.assemble import fused_program
from qcompile.executors.fused.cost import fused_work
from qcompile.ir.plan import EvaluationNode

TARGET = "target library { evaluator: fused }\n"
QUBITS = [(n, 2, 2**11 if n <= 8 else 2 ** (19 - n)) for n in range(2, 15)]
DEPTHS = [(8, depth, 1024) for depth in (1, 2, 4, 8, 16)]
TOKENS = [(8, 2, tokens) for tokens in (128, 512, 2048, 8192)]


def measure(work: Work, steps: int) -> tuple[float, float]:
    """Milliseconds of a step, and GFLOP/s."""
    source = work.source.replace("qa 1\n", f"qa 1\n{TARGET}", 1)
    adapter = qcompile.compile(source, target="library", tokens=work.batch)
    ((_, part),) = adapter.parts()
    (node,) = (node for node in part.plan.nodes if isinstance(node, EvaluationNode))
    counted = fused_work(fused_program(node.evaluation.circuit))
    torch.manual_seed(0)
    data = torch.randn(work.batch, work.width, requires_grad=True)
    weights = torch.randn(work.batch, work.qubits)
    leaves = (data, *part.parameters())
    best = float("inf")
    for _ in range(steps + 1):
        started = time.process_time()
        torch.autograd.grad(adapter(data), leaves, weights)
        best = min(best, time.process_time() - started)
    flops = 2 * counted.once + work.batch * (2 * counted.forward + counted.backward)
    return 1e3 * best, 1e-9 * flops / best


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python benchmarks/growth.py", description=__doc__)
    parser.add_argument("--steps", type=int, default=9)
    options = parser.parse_args(argv)
    logging.disable()
    torch.set_num_threads(1)
    for title, rows in (("qubits", QUBITS), ("depth", DEPTHS), ("tokens", TOKENS)):
        print(f"\nBy {title}:\n\n| qubits | depth | tokens | ms | µs of a token | GFLOP/s |")
        print("|---|---|---|---|---|---|")
        for qubits, depth, tokens in rows:
            work = hardware_efficient("growth", qubits, depth, tokens, amplitudes=False)
            taken, rate = measure(work, options.steps)
            each = 1e3 * taken / tokens
            line = f"| {qubits} | {depth} | {tokens} | {taken:.3g} | {each:.3g} | {rate:.0f} |"
            print(line, flush=True)


if __name__ == "__main__":
    main()
