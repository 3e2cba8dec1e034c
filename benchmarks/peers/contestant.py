"""A contestant in an environment of its own, which does what it is told on its standard input.

`python contestant.py MODULE WORK THREADS`, MODULE beside this file with `build(work, angles)`,
which gives a callable data → values and the leaf that holds the angles. A line asks for an answer
of one line of JSON:

- `values FILE`: forward and backward once; values and gradients into a file of torch;
- `steps N`: N times forward and backward; milliseconds of one, of the wall and of the processor;
- `memory`: the peak of memory in a step, in bytes above what the process had before.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from works import WORKS, Work

Run = Callable[[Tensor], Tensor]


def inputs(work: Work) -> tuple[Tensor, Tensor]:
    """The same in every environment: torch's generators may differ from version to version."""
    count = work.batch * work.width
    data = torch.arange(count, dtype=torch.float64).mul(0.7548776662).frac().mul(2).sub(1)
    angles = torch.arange(work.angles, dtype=torch.float64).mul(0.5698402910).frac().mul(6).sub(3)
    shaped = data.reshape(work.batch, work.width).to(torch.float32)
    return shaped.requires_grad_(), angles.to(torch.float32).requires_grad_()


def weights(work: Work) -> Tensor:
    count = work.batch * work.qubits
    return torch.arange(count).mul(0.6180339887).frac().reshape(work.batch, work.qubits)


class Contestant:
    def __init__(self, module: str, work: Work) -> None:
        data, angles = inputs(work)
        found: tuple[Run, Tensor] = importlib.import_module(module).build(work, angles)
        self.run, leaf = found
        self.leaves = (data, leaf)
        self.weights = weights(work)

    def step(self) -> tuple[Tensor, Tensor, Tensor]:
        values = self.run(self.leaves[0])
        of_data, of_angles = torch.autograd.grad(values, self.leaves, self.weights)
        return values, of_data, of_angles


def peak() -> int:
    """The highest resident set of this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def answer(contestant: Contestant, request: str) -> dict[str, float]:
    name, _, rest = request.strip().partition(" ")
    if name == "values":
        torch.save([tensor.detach() for tensor in contestant.step()], rest)
        return {}
    if name == "memory":
        forget_peak()
        before = peak()
        contestant.step()
        return {"bytes": peak() - before}
    assert name == "steps"
    count = int(rest)
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(count):
        contestant.step()
    return {
        "wall": 1e3 * (time.perf_counter() - wall) / count,
        "processor": 1e3 * (time.process_time() - processor) / count,
    }


def main() -> None:
    module, work, threads = sys.argv[1:]
    warnings.simplefilter("ignore")
    # What a library prints must not stand among the answers.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    torch.set_num_threads(int(threads))
    contestant = Contestant(module, WORKS[work])
    print(json.dumps({"torch": torch.__version__}), file=out, flush=True)
    for request in sys.stdin:
        print(json.dumps(answer(contestant, request)), file=out, flush=True)


if __name__ == "__main__":
    main()
