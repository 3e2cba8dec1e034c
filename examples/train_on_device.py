"""Trains a small adapter through shots on a calibrated device, whose noise is simulated.

    python examples/train_on_device.py --device fake_torino --steps 20 --shots 1024

The task: is a line of text a question? Lines become vectors by their letters; a frozen linear map
reads them, and an adapter with a circuit of 4 qubits learns to correct it. The circuit is routed
for the device. Values are means over shots, with the errors of reading undone, and gradients come
from values at shifted angles alone. Needs `pip install 'qcompile[hardware]'`.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

import qcompile

WIDTH = 16

LINES = (
    ("how do I open the window", 1), ("where is the old bridge", 1), ("who wrote this book", 1),
    ("what is the price of tea", 1), ("when does the train leave", 1), ("why is the sky blue", 1),
    ("the window is open", 0), ("an old bridge stands here", 0), ("she wrote this book", 0),
    ("tea is not expensive", 0), ("the train leaves at noon", 0), ("today the sky is blue", 0),
)  # fmt: skip

ADAPTER = """qa 1

target hardware { device: "DEVICE"; optimise: fidelity; mitigate: readout }

adapter small() on hardware {
    shape 16 -> 1
    h = linear(x, to: 4)
    q = circuit(4 qubits) {
        encode angle(h, gate: ry)
        ry
        cz line
        ry
        measure z
    }
    update linear(q, to: out_features)
}
"""


def features(text: str) -> Tensor:
    """(WIDTH,): how often pairs of letters occur, hashed, of length 1."""
    found = torch.zeros(WIDTH)
    for pair in pairwise(text):
        found[zlib.crc32("".join(pair).encode()) % WIDTH] += 1
    return found / found.norm()


def train(device: str, steps: int, shots: int, lines: int, seed: int = 0) -> list[float]:
    """The losses, one for each step and one at the end."""
    torch.manual_seed(seed)
    chosen = LINES[:: max(1, len(LINES) // lines)][:lines]
    x = torch.stack([features(text) for text, _ in chosen])
    y = torch.tensor([[float(label)] for _, label in chosen])
    base = nn.Linear(WIDTH, 1).requires_grad_(False)
    adapter = qcompile.compile(ADAPTER.replace("DEVICE", device), seed=seed)
    adapter.on(device, shots=shots, mitigate="readout", seed=seed)
    service = adapter.service
    assert service is not None
    step, last = adapter.estimate(len(x), training=True), adapter.estimate(len(x))
    assert step is not None and last is not None
    print(f"{device}: depth {step.depth}, {step.circuits} circuits and {step.jobs} jobs a step")
    optimiser = torch.optim.Adam(adapter.parameters(), lr=0.1)
    losses = []
    for number in range(steps):
        optimiser.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(base(x) + adapter(x), y)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        print(f"step {number + 1:3}: loss {losses[-1]:.4f}")
    with torch.no_grad():
        logits = base(x) + adapter(x)
    losses.append(nn.functional.binary_cross_entropy_with_logits(logits, y).item())
    right = ((logits > 0) == (y > 0)).sum().item()
    print(f"at the end: loss {losses[-1]:.4f}, {right} of {len(x)} lines right")
    predicted = {
        "circuits": steps * step.circuits + last.circuits,
        "shots": steps * step.shots + last.shots,
        "jobs": steps * step.jobs + last.jobs,
    }
    for name, number in predicted.items():
        print(f"{name}: {getattr(service.tally, name):,} (predicted: {number:,})")
    if step.seconds is not None and last.seconds is not None:
        print(f"time of gates and read-outs: {steps * step.seconds + last.seconds:.3g} s")
    return losses


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="fake_torino")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--shots", type=int, default=1024)
    parser.add_argument("--lines", type=int, default=len(LINES))
    given = parser.parse_args(arguments)
    train(given.device, given.steps, given.shots, given.lines)


if __name__ == "__main__":
    main()
