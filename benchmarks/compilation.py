"""Seconds in which adapters for Qwen2-7B are compiled, after all imports.

    python benchmarks/compilation.py [--adapters NAME …] [--rounds N]

From the source to the file, whose size stands beside it: 28 layers, two or more modules of each.
The adapters take turns, each run is a process of its own that has compiled something else before,
and medians are printed: of the time on the wall and of that of the processor.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
ADAPTERS = ("lora", "qtha", "qaa", "mpo", "quantum_peft")

RUN = """
import sys, time
from qcompile.cli import main
source, other, model, path = sys.argv[1:]
main([other, "-o", path])
wall, processor = time.perf_counter(), time.process_time()
assert main([source, "--model", model, "-o", path]) == 0
print(time.perf_counter() - wall, time.process_time() - processor)
"""


def seconds(name: str, folder: str) -> tuple[float, float, int]:
    """Of the wall and of the processor, with the bytes of the file."""
    examples = ROOT / "examples"
    source, other = examples / f"{name}.qa", examples / "hybrid.qa"
    path = Path(folder) / "adapter.pt"
    given = [str(source), str(other), str(examples / "models" / "qwen2-7b")]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *given, str(path)],
        check=True,
        capture_output=True,
        text=True,
    )
    wall, processor = map(float, done.stdout.split()[-2:])
    return wall, processor, path.stat().st_size


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python benchmarks/compilation.py", description=__doc__)
    parser.add_argument("--adapters", nargs="+", default=list(ADAPTERS))
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(argv)
    with TemporaryDirectory() as folder:
        rounds = [
            [seconds(name, folder) for name in options.adapters] for _ in range(options.rounds)
        ]
    for name, runs in zip(options.adapters, zip(*rounds, strict=True), strict=True):
        wall, processor, size = (median(column) for column in zip(*runs, strict=True))
        print(f"{name:<13} {wall:5.2f} s, processor {processor:5.2f} s, {size / 1e6:5.1f} MB")


if __name__ == "__main__":
    main()
