"""Errors of ⟨Z⟩ under a device's noise model: qcompile beside Qiskit and pytket.

    make bench-hardware
    python -m benchmarks.hardware --devices torino --qubits 4 8 --depths 1 2 --json out.json

For each circuit, device and compiler the mean of |⟨Z⟩ noisy - ⟨Z⟩ ideal| over outputs and
bindings, as read and with the errors of reading undone exactly. Where more than nine qubits take
part at a time, values are means over samples, with their standard error as `sampling`. Without
options it runs the circuits whose rivals are kept in reference.json, `--full` all of them, which
takes hours; rivals are measured where they are missing, and all of them anew with
`--measure-rivals`. A file of `--json` that exists is continued: what it has is not measured again.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.hardware.compilers import RIVALS, Compiler, our_compilers
from benchmarks.hardware.families import FAMILIES, LIBRARY, Case, case, mqt_cases
from benchmarks.hardware.values import values_of
from qcompile.testing.noisy_device import NoisyDevice, NoisyProgram, ideal_values

REFERENCE = Path(__file__).with_name("reference.json")
DEVICES = {
    "torino": "FakeTorino",
    "kingston": "FakeKingston",
    "sherbrooke": "FakeSherbrooke",
    "brisbane": "FakeBrisbane",
    "nighthawk": "FakeNighthawk",
}
BASELINE = "qiskit-3"
QUBITS, DEPTHS = (4, 8, 12, 16), (1, 2, 4)

Figures = dict[str, float]


def main(argv: Sequence[str] | None = None) -> None:
    chosen = _options(argv)
    reference = json.loads(REFERENCE.read_text("utf-8")) if REFERENCE.exists() else {}
    kept = Path(chosen.json) if chosen.json else None
    results: dict[str, dict[str, Figures]] = {}
    if kept is not None and kept.exists():
        results = json.loads(kept.read_text("utf-8"))
    for name in chosen.devices:
        device: NoisyDevice | None = None
        for item in _cases(chosen):
            key = f"{name} {item.name}"
            if chosen.kept and key not in reference:
                continue
            if key in results and not chosen.measure_rivals:
                continue
            row = dict(reference.get(key, {}))
            wanted = [r for r in RIVALS if chosen.measure_rivals or r.name not in row]
            wanted += our_compilers(chosen.level)
            device = device or NoisyDevice(DEVICES[name])
            ideal = [
                ideal_values(item.circuit, *binding)[list(item.measured)]
                for binding in item.bindings()
            ]
            for compiler in wanted:
                row[compiler.name] = measured(compiler, item, device, name, ideal)
                if not compiler.ours:
                    reference.setdefault(key, {})[compiler.name] = row[compiler.name]
                    REFERENCE.write_text(json.dumps(reference, indent=1) + "\n", "utf-8")
            results[key] = row
            print(_line(key, row), file=sys.stderr, flush=True)
            if kept is not None:
                kept.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(table(results, chosen.level))


def _cases(chosen: argparse.Namespace) -> Iterable[Case]:
    if chosen.mqt:
        return mqt_cases()
    return (
        case(family, qubits, depth)
        for family in chosen.families
        for qubits in chosen.qubits
        for depth in chosen.depths
    )


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hardware", description=__doc__)
    parser.add_argument("--full", action="store_true", help="also what has no rivals yet")
    parser.add_argument("--devices", nargs="+", default=list(DEVICES), choices=DEVICES)
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), choices=FAMILIES | LIBRARY)
    parser.add_argument("--mqt", action="store_true", help="the circuits of MQT Bench instead")
    parser.add_argument("--qubits", nargs="+", type=int)
    parser.add_argument("--depths", nargs="+", type=int)
    parser.add_argument("--level", type=int, default=2, choices=(1, 2, 3))
    parser.add_argument("--json", help="also write all figures to this file")
    parser.add_argument("--measure-rivals", action="store_true")
    chosen = parser.parse_args(argv)
    chosen.kept = not (chosen.full or chosen.mqt or chosen.qubits or chosen.depths)
    chosen.qubits, chosen.depths = chosen.qubits or QUBITS, chosen.depths or DEPTHS
    return chosen


def measured(
    compiler: Compiler, item: Case, device: NoisyDevice, name: str, ideal: list[np.ndarray]
) -> Figures:
    """Medians over the seeds; seconds of all seeds and bindings together, per compilation."""
    start = time.perf_counter()
    seeds = compiler.run(item, device, name)
    seconds = (time.perf_counter() - start) / len(seeds)
    rows = [_figures(programs, device, ideal) for programs in seeds]
    return {key: median(row[key] for row in rows) for key in rows[0]} | {"seconds": seconds}


def _figures(programs: list[NoisyProgram], device: NoisyDevice, ideal: list[np.ndarray]) -> Figures:
    read, undone, sampling = [], [], []
    for program, expected in zip(programs, ideal, strict=True):
        noisy, inverted, error = values_of(program, device, expected)
        sampling.append(error)
        read.append(np.abs(noisy - expected).mean())
        undone.append(np.abs(inverted - expected).mean())
    pairs = [
        [operation for operation in program.operations if len(operation.qubits) == 2]
        for program in programs
    ]
    return {
        "pairs": float(np.mean([len(found) for found in pairs])),
        "depth": float(np.mean([_depth(program) for program in programs])),
        "dead": float(sum(device.error(op) >= 1 for op in pairs[0])),
        "raw": float(np.mean(read)),
        "undone": float(np.mean(undone)),
        "sampling": float(np.mean(sampling)),
    }


def _depth(program: NoisyProgram) -> int:
    level: dict[int, int] = {}
    for operation in program.operations:
        if operation.name != "rz":
            now = 1 + max(level.get(qubit, 0) for qubit in operation.qubits)
            level.update(dict.fromkeys(operation.qubits, now))
    return max(level.values(), default=0)


def _line(key: str, row: dict[str, Figures]) -> str:
    parts = [
        f"{name} {f['pairs']:.0f} {f['raw']:.4f}/{f['undone']:.4f} {f['seconds']:.1f}s"
        for name, f in row.items()
    ]
    return f"{key:24} " + " | ".join(parts)


def table(results: dict[str, dict[str, Figures]], level: int) -> str:
    """Geometric means of ratios to the baseline."""
    lines = []
    for device in dict.fromkeys(key.split()[0] for key in results):
        rows = {key: row for key, row in results.items() if key.startswith(device + " ")}
        lines += [
            f"\n{device}, {len(rows)} circuits, ratios to Qiskit level 3",
            f"{'':26}{'2q':>6}{'depth':>7}{'raw':>7}{'+RO':>7}{'dead':>6}{'s':>7}",
        ]
        plain, mitigated = (compiler.name for compiler in our_compilers(level))
        for name in (plain, mitigated, *(rival.name for rival in RIVALS)):
            lines.append(_summary(name, name, rows.values()))
        for family in dict.fromkeys(key.split()[1] for key in rows):
            chosen = [row for key, row in rows.items() if key.split()[1] == family]
            lines.append(_summary(f"  {family}", plain, chosen))
            lines.append(_summary(f"  {family}, readout", mitigated, chosen))
        rest = [row for key, row in rows.items() if key.split()[1] != "full"]
        lines.append(_summary("  without full", plain, rest))
        lines.append(_summary("  without full, readout", mitigated, rest))
        lines += losses(rows, plain, mitigated)
    return "\n".join(lines)


def _summary(label: str, name: str, rows: Iterable[dict[str, Figures]]) -> str:
    def ratio(field: str, shift: float = 0.0) -> float:
        logs = [math.log((r[name][field] + shift) / (r[BASELINE][field] + shift)) for r in chosen]
        return math.exp(sum(logs) / len(logs))

    chosen: list[Any] = list(rows)
    dead = sum(row[name]["dead"] > 0 for row in chosen)
    seconds = median(row[name]["seconds"] for row in chosen)
    return (
        f"{label:26}{ratio('pairs', 1):6.2f}{ratio('depth', 1):7.2f}{ratio('raw'):7.2f}"
        f"{ratio('undone'):7.2f}{dead:6d}{seconds:7.2f}"
    )


def losses(rows: dict[str, dict[str, Figures]], plain: str, mitigated: str) -> list[str]:
    """Circuits where the better of Qiskit and pytket is more than 5 % better."""
    lines = []
    for key, row in rows.items():
        for field, name in (("raw", plain), ("undone", mitigated)):
            rival = min((r.name for r in RIVALS), key=lambda n: row[n][field])
            quotient = row[name][field] / row[rival][field]
            if quotient > 1.05:
                lines.append(f"  loses {field}: {key}, {quotient:.2f} of {rival}")
    return lines


if __name__ == "__main__":
    main()
