"""Paths of linear networks side by side, forward and backward, as ratios to the frozen linear.

    python benchmarks/contractions.py [--tokens N] [--threads N] [--repeats N]

CPU time, the contestants interleaved, the best of several runs; `model` is what the planner
expects, in the same ratio, and `*` marks its choice.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.contraction.paths import candidate_trees
from qcompile.contraction.tree import Shapes, steps_of_tree
from qcompile.ir.network import NetworkNode, PairContraction
from qcompile.ir.program import Program
from qcompile.passes.base import Context
from qcompile.passes.tensor.contract import best_contraction, contraction_cost, shapes_of
from qcompile.passes.tensor.group_networks import GroupNetworks
from qcompile.testing.known_programs import lora, mpo_layer, qtha

CASES: tuple[tuple[str, int, Program], ...] = (
    ("LoRA r=8", 1536, lora(1536, 1536, 8)),
    ("QTHA A and B chains r=8", 1536, qtha((8, 8, 6, 4), (8, 8, 6, 4), rank=8, layers=1)),
    ("MPO (32, 48) bond 4", 1536, mpo_layer((32, 48), (32, 48), 4)),
    ("MPO (8, 12, 16) bond 4", 1536, mpo_layer((8, 12, 16), (8, 12, 16), 4)),
    ("MPO (4, 6, 8, 8) bond 4", 1536, mpo_layer((4, 6, 8, 8), (4, 6, 8, 8), 4)),
    ("MPO (8, 12, 16) bond 16", 1536, mpo_layer((8, 12, 16), (8, 12, 16), 16)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """Something that makes one step, forward and backward."""

    label: str
    expected: float
    """Seconds, by the planner's model."""
    step: Callable[[], None]


def contestants(program: Program, tokens: int) -> Iterator[Contestant]:
    """Every candidate path of the program's largest networks."""
    grouped = GroupNetworks().run(program, Context())
    for node in grouped.nodes:
        if not isinstance(node, NetworkNode) or len(node.operands) < 3:
            continue
        chosen = best_contraction(node, tokens=tokens, memory_limit=2**40).steps
        shapes = shapes_of(node, tokens)
        for tree in candidate_trees(shapes, repeats=8):
            steps = steps_of_tree(shapes, tree)
            contractions = tuple(step.contraction for step in steps)
            cost = contraction_cost(steps)
            if cost.bytes > 2**31:
                continue
            mark = "*" if contractions == chosen else " "
            batched = sum(step.batched for step in contractions)
            yield Contestant(
                label=f"{mark} {len(steps) - batched} steps without data, {batched} with",
                expected=cost.seconds,
                step=_step(shapes, contractions),
            )


def _step(shapes: Shapes, contractions: tuple[PairContraction, ...]) -> Callable[[], None]:
    leaves = [
        torch.randn([shapes.sizes[label] for label in labels], requires_grad=True)
        for labels in shapes.operands
    ]

    def step() -> None:
        working: list[Tensor] = list(leaves)
        for pair in contractions:
            taken = [working[pair.left]]
            if pair.right is not None:
                taken.append(working[pair.right])
            result = torch.einsum(pair.equation, *taken)
            working = [t for k, t in enumerate(working) if k not in (pair.left, pair.right)]
            working.append(result)
        (result,) = working
        torch.autograd.grad(result, leaves, torch.ones_like(result))

    return step


def frozen_linear(width: int, tokens: int) -> Callable[[], None]:
    """The layer that an adapter stands beside: a gradient for the input only."""
    x = torch.randn(tokens, width, requires_grad=True)
    weight = torch.randn(width, width)

    def step() -> None:
        y = torch.nn.functional.linear(x, weight)
        torch.autograd.grad(y, x, torch.ones_like(y))

    return step


def measure(steps: list[Callable[[], None]], repeats: int) -> list[float]:
    """Best CPU seconds of each, interleaved."""
    best = [float("inf")] * len(steps)
    for step in steps:
        step()
    for _ in range(repeats):
        for index, step in enumerate(steps):
            start = time.process_time()
            step()
            best[index] = min(best[index], time.process_time() - start)
    return best


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    for title, width, program in CASES:
        entries = list(contestants(program, options.tokens))
        steps = [frozen_linear(width, options.tokens), *(entry.step for entry in entries)]
        frozen, *measured = measure(steps, options.repeats)
        least = min(entry.expected for entry in entries)
        fastest = min(measured)
        print(f"{title}, {options.tokens} tokens (1.00 = the frozen {width} × {width} linear)")
        for entry, seconds in zip(entries, measured, strict=True):
            print(
                f"  {entry.label:<40} {seconds / frozen:6.2f}"
                f"   {seconds / fastest:5.2f} × the fastest; model {entry.expected / least:5.2f} ×"
            )


if __name__ == "__main__":
    main()
