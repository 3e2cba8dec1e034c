"""Circuits of other libraries and qcompile's, forward and backward, side by side in one run.

Every contestant is a process in an environment of its own (`make peers` makes them) and takes some
steps in turn, so that the load of the machine is the same for all. Ratios are of the times of a
round, of the wall and of the processor; medians and quartiles over rounds. Values and gradients are
compared before anything is timed. The figures go to build/bench/peers.json, with matplotlib also to
peers.svg.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers.works import WORKS, Work

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
ENVIRONMENTS = ROOT / ".venv-peers"
PEERS = sorted(path.stem for path in HERE.glob("*.txt"))
"""Each has its pins in NAME.txt and its circuit in NAME.py."""
OWN = ("own_fused", "own_eager")
RESULTS = ROOT / "build" / "bench"
TOLERANCE = 2e-4
"""Of float32 values and gradients, in units of the largest."""

RETURNS_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "16384", "MALLOC_TRIM_THRESHOLD_": "0"}
"""For glibc: what is freed is no longer part of the process, so that a step shows its peak."""


class Contestant:
    """A process that answers line by line; see contestant.py."""

    def __init__(self, name: str, work: Work, threads: int, **environment: str) -> None:
        own = name in OWN
        python = sys.executable if own else str(ENVIRONMENTS / name / "bin" / "python")
        variables = {**os.environ, "OMP_NUM_THREADS": str(threads), **environment}
        variables.pop("PYTHONPATH", None)
        if own:
            variables["PYTHONPATH"] = str(ROOT)
        self.name = name
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the process)
        self.process = subprocess.Popen(
            [python, str(HERE / "contestant.py"), name, work.name, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=variables,
        )

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise RuntimeError(f"{self.name} ended:\n{self.log.read()[-2000:]}")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, request: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{request}\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        self.log.close()


@dataclass
class Times:
    """Milliseconds of each round."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


def installed() -> list[str]:
    return [name for name in PEERS if (ENVIRONMENTS / name / "bin" / "python").exists()]


def same(found: Sequence[Any], expected: Sequence[Any]) -> bool:
    return all(
        mine.shape == theirs.shape
        and (mine - theirs).abs().max() <= TOLERANCE * (1 + theirs.abs().max())
        for mine, theirs in zip(found, expected, strict=True)
    )


def compare(contestants: Sequence[Contestant]) -> None:
    """Values and gradients of all are those of the first.

    Raises:
        RuntimeError: they are not.
    """
    import torch

    with tempfile.TemporaryDirectory() as folder:
        found = []
        for contestant in contestants:
            path = Path(folder) / f"{contestant.name}.pt"
            contestant.ask(f"values {path}")
            found.append(torch.load(path))
    for contestant, tensors in zip(contestants, found, strict=True):
        if not same(tensors, found[0]):
            raise RuntimeError(f"{contestant.name} gives other values or gradients")


def time_steps(
    work: Work, names: Sequence[str], rounds: int, steps: int, threads: int
) -> dict[str, Times]:
    contestants = [Contestant(name, work, threads) for name in names]
    try:
        for contestant in contestants:
            contestant.answer()
        compare(contestants)
        times = {name: Times() for name in names}
        for place in range(-1, rounds):
            for contestant in contestants:
                taken = contestant.ask(f"steps {steps}")
                if place >= 0:
                    times[contestant.name].wall.append(taken["wall"])
                    times[contestant.name].processor.append(taken["processor"])
        return times
    finally:
        for contestant in contestants:
            contestant.close()


def peak_memory(work: Work, name: str, threads: int) -> int:
    """Bytes of a step above the process between steps, the least of three."""
    contestant = Contestant(name, work, threads, **RETURNS_MEMORY)
    try:
        contestant.answer()
        contestant.ask("steps 1")
        return min(int(contestant.ask("memory")["bytes"]) for _ in range(3))
    finally:
        contestant.close()


def figures(times: dict[str, Times], name: str) -> dict[str, Any]:
    """Of one contestant, with its ratios to qcompile's two in the same rounds."""
    mine = times[name]
    quartiles = statistics.quantiles(mine.wall, n=4)
    found: dict[str, Any] = {
        "median_ms": statistics.median(mine.wall),
        "least_ms": min(mine.wall),
        "quartiles_ms": [quartiles[0], quartiles[2]],
        "processor_ms": statistics.median(mine.processor),
    }
    for own in OWN:
        ratios = [a / b for a, b in zip(mine.wall, times[own].wall, strict=True)]
        spread = statistics.quantiles(ratios, n=4)
        found[f"ratio_to_{own}"] = statistics.median(ratios)
        found[f"ratio_to_{own}_quartiles"] = [spread[0], spread[2]]
        pairs = zip(mine.processor, times[own].processor, strict=True)
        found[f"processor_ratio_to_{own}"] = statistics.median(a / b for a, b in pairs)
    return found


def table(records: Sequence[dict[str, Any]]) -> str:
    lines = [
        (
            "| work | fused ms | eager ms | fastest peer | ms | ÷ fused (quartiles) "
            "| ÷ fused, processor | ÷ eager, processor |"
        ),
        "|---|---|---|---|---|---|---|---|",
    ]
    for record in records:
        of = record["contestants"]
        peers = [name for name in of if name not in OWN]
        cells = [f"{of[own]['median_ms']:.3g}" for own in OWN]
        if peers:
            peer = min(peers, key=lambda name: of[name]["median_ms"])
            low, high = of[peer]["ratio_to_own_fused_quartiles"]
            ratio = f"{of[peer]['ratio_to_own_fused']:.1f} ({low:.1f} to {high:.1f})"
            cells += [peer, f"{of[peer]['median_ms']:.3g}", ratio]
            cells += [f"{of[peer][f'processor_ratio_to_{own}']:.1f}" for own in OWN]
        else:
            cells += ["none installed", "", "", "", ""]
        lines.append(f"| {record['title']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def plot(records: Sequence[dict[str, Any]], path: Path) -> None:
    try:
        from matplotlib import pyplot as plt
    except ImportError:
        return
    figure, axes = plt.subplots(figsize=(9, 4))
    names = list(records[0]["contestants"])
    for place, name in enumerate(names):
        at = [k + 0.8 * place / len(names) for k in range(len(records))]
        height = [record["contestants"][name]["median_ms"] for record in records]
        axes.bar(at, height, width=0.8 / len(names), align="edge", label=name)
    axes.set_yscale("log")
    axes.set_ylabel("ms, forward and backward")
    axes.set_xticks([k + 0.4 for k in range(len(records))])
    axes.set_xticklabels([r["title"].replace(", ", "\n") for r in records], fontsize=7)
    axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path)


def processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main(argv: Sequence[str] | None = None) -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--works", nargs="+", choices=list(WORKS), default=list(WORKS))
    arguments.add_argument("--peers", nargs="*", choices=PEERS, help="default: all installed")
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--steps", type=int, default=5, help="of a turn; default: %(default)s")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--memory", nargs="*", choices=list(WORKS), default=["rot8"])
    chosen = arguments.parse_args(argv)
    peers = installed() if chosen.peers is None else chosen.peers
    for name in sorted(set(PEERS) - set(peers)):
        print(f"without {name}: `make peers` makes its environment")
    before = os.getloadavg()
    records = []
    for name in chosen.works:
        work = WORKS[name]
        names = [*OWN, *peers]
        times = time_steps(work, names, chosen.rounds, chosen.steps, chosen.threads)
        record: dict[str, Any] = {"work": name, "title": work.title, "contestants": {}}
        for contestant in times:
            record["contestants"][contestant] = figures(times, contestant)
        if name in chosen.memory:
            for contestant in times:
                size = peak_memory(work, contestant, chosen.threads)
                record["contestants"][contestant]["peak_bytes"] = size
                print(f"{work.title}: {contestant} takes {size / 1e6:.2f} MB in a step")
        records.append(record)
        print(table(records).splitlines()[-1], flush=True)
    result = {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": chosen.threads,
        "rounds": chosen.rounds,
        "steps": chosen.steps,
        "load_before": before,
        "load_after": os.getloadavg(),
        "works": records,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "peers.json").write_text(json.dumps(result, indent=1) + "\n")
    plot(records, RESULTS / "peers.svg")
    print(f"\n{table(records)}")
    print(f"\n{processor()}, {chosen.threads} threads; load {before[0]:.1f} before")


if __name__ == "__main__":
    main()
