"""Trains a small adapter with and without its device's noise, and evaluates both under it.

    python -m benchmarks.noise_aware --seeds 5 --steps 60

The task is that of `examples/train_on_device.py`: is a line of text a question? Half of the lines
are held out. For each seed both adapters start from the same tensors and see the same lines; what
differs is whether the circuit that is trained is the exact one, or the routed one under the
device's noise. Both are evaluated under that noise. The table has mean paired differences and
their standard errors; a negative one says that training under noise lost less. Figures under
`mitigate` readout have the errors of reading undone.
"""

from __future__ import annotations

import argparse
import random
import statistics
import zlib
from collections.abc import Sequence
from itertools import pairwise, product

import torch
from torch import Tensor, nn

import qcompile
from qcompile.adapter.compiled import CompiledAdapter

WIDTH = 16

QUESTIONS = ("how does", "where is", "who owns", "what is", "when does", "why is", "which is")
STATEMENTS = ("here is", "she owns", "this is", "today", "we saw", "they sold", "he likes")
THINGS = ("the old bridge", "a window", "the book", "our tea", "the train", "blue sky", "a garden")

ADAPTER = """qa 1

target hardware {{ device: "{device}"; dtype: float64; {noise} }}

adapter small() on hardware {{
    shape 16 -> 1
    h = linear(x, to: 4)
    q = circuit(4 qubits) {{
        repeat {layers} {{
            encode angle(h, gate: ry)
            ry
            cz ring
            rz
        }}
        ry
        measure z
    }}
    update linear(q, to: out_features)
}}
"""


def features(text: str) -> Tensor:
    """(WIDTH,): how often pairs of letters occur, hashed, of length 1."""
    found = torch.zeros(WIDTH, dtype=torch.float64)
    for pair in pairwise(text):
        found[zlib.crc32("".join(pair).encode()) % WIDTH] += 1
    result: Tensor = found / found.norm()
    return result


def lines(seed: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """(x, y) to train on, and held out."""
    found = [(" ".join(words), 1.0) for words in product(QUESTIONS, THINGS)]
    found += [(" ".join(words), 0.0) for words in product(STATEMENTS, THINGS)]
    random.Random(seed).shuffle(found)
    x = torch.stack([features(text) for text, _ in found])
    y = torch.tensor([[label] for _, label in found], dtype=torch.float64)
    half = len(found) // 2
    return (x[:half], y[:half]), (x[half:], y[half:])


def trained(adapter: CompiledAdapter, x: Tensor, y: Tensor, steps: int) -> CompiledAdapter:
    optimiser = torch.optim.Adam(adapter.parameters(), lr=0.05)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(adapter(x), y)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return adapter


def evaluated(adapter: CompiledAdapter, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Loss, and the share of lines that are told wrongly."""
    with torch.no_grad():
        logits = adapter(x)
    loss = nn.functional.binary_cross_entropy_with_logits(logits, y).item()
    return loss, ((logits > 0) != (y > 0)).double().mean().item()


def compare(
    device: str, layers: int, mitigate: str, seeds: int, steps: int
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """(without, with noise in training) for each seed, each (loss, wrong) under noise."""
    noise = f"noise: device; mitigate: {mitigate}"
    noisy = ADAPTER.format(device=device, noise=noise, layers=layers)
    exact = ADAPTER.format(device=device, noise="", layers=layers)
    rows = []
    for seed in range(seeds):
        (x, y), held_out = lines(seed)
        aware = trained(qcompile.compile(noisy, seed=seed), x, y, steps)
        plain = trained(qcompile.compile(exact, seed=seed), x, y, steps)
        # The same tensors, as they run on the device.
        there = qcompile.compile(noisy, seed=seed)
        there.load_state_dict(plain.state_dict())
        rows.append((evaluated(there, *held_out), evaluated(aware, *held_out)))
    return rows


def difference(pairs: Sequence[tuple[float, float]]) -> str:
    """Mean and standard error of second minus first."""
    found = [after - before for before, after in pairs]
    error = statistics.stdev(found) / len(found) ** 0.5 if len(found) > 1 else float("nan")
    return f"{statistics.mean(found):+.4f} ± {error:.4f}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--devices", nargs="+", default=["fake_torino", "fake_sherbrooke"])
    parser.add_argument("--layers", nargs="+", type=int, default=[1, 3])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60)
    given = parser.parse_args(arguments)
    print("| device | layers | mitigate | loss, trained without | with | difference | wrong |")
    print("|---|---|---|---|---|---|---|")
    for device, layers, mitigate in product(given.devices, given.layers, ("none", "readout")):
        rows = compare(device, layers, mitigate, given.seeds, given.steps)
        means = [statistics.mean(row[side][0] for row in rows) for side in (0, 1)]
        loss = difference([(before[0], after[0]) for before, after in rows])
        wrong = difference([(before[1], after[1]) for before, after in rows])
        print(
            f"| `{device}` | {layers} | {mitigate} | {means[0]:.4f} | {means[1]:.4f} "
            f"| {loss} | {wrong} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
