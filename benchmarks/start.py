"""Seconds of the quick commands, and how many times those of an empty Python.

    python benchmarks/start.py [--rounds N]

The commands take turns, so that a load on the machine falls on all of them; medians are printed.
Bytecode is kept between the rounds, as in an installation.
`python -X importtime -m qcompile check …` shows where the time goes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import median
from tempfile import TemporaryDirectory

EMPTY = ("-c", "pass")

COMMANDS = {
    "python -c pass": EMPTY,
    "python -S -c pass": ("-S", *EMPTY),
    "qcompile --version": ("-m", "qcompile", "--version"),
    "qcompile explain QA2001": ("-m", "qcompile", "explain", "QA2001"),
    "qcompile fmt --check": ("-m", "qcompile", "fmt", "--check", "examples/lora.qa"),
    "qcompile check": ("-m", "qcompile", "check", "examples/lora.qa"),
}
"""The second is without `site`, which an editable installation makes slower."""


def seconds(arguments: Sequence[str], bytecode: str) -> float:
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)
    return time.perf_counter() - started


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python benchmarks/start.py", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args(argv).rounds
    with TemporaryDirectory() as bytecode:
        runs = [
            [seconds(command, bytecode) for command in COMMANDS.values()] for _ in range(rounds + 1)
        ]
    del runs[0]  # compiles the sources
    taken = [median(column) for column in zip(*runs, strict=True)]
    for name, value in zip(COMMANDS, taken, strict=True):
        print(f"{name:<26} {value:6.3f} s  {value / taken[0]:6.1f} ×")


if __name__ == "__main__":
    main()
