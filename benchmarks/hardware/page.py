"""Rows of the table in docs/hardware.md, and where the best of the others loses less.

python -m benchmarks.hardware --json out.json
python -m benchmarks.hardware.page out.json
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from benchmarks.hardware.__main__ import BASELINE, DEVICES, Figures, losses
from benchmarks.hardware.compilers import our_compilers
from benchmarks.hardware.families import FAMILIES

DEFAULT = "pytket-qiskit"
Row = dict[str, Figures]


def main(paths: Iterable[str]) -> None:
    """Of several files the later ones count."""
    found: dict[str, Row] = {}
    for path in paths:
        found.update(json.loads(Path(path).read_text("utf-8")))
    results = {key: row for key, row in found.items() if key.split()[1] in FAMILIES}
    plain, mitigated = (compiler.name for compiler in our_compilers(2))
    for device in DEVICES:
        rows = {key: row for key, row in results.items() if key.split()[0] == device}
        if rows:
            print(_line(device, rows, plain, mitigated))
    print("\n".join(losses(results, plain, mitigated)))
    names = ("qiskit", "qiskit-aer", "qiskit-ibm-runtime", "pytket", "pytket-qiskit")
    print(", ".join(f"{name} {version(name)}" for name in names))


def _line(device: str, rows: dict[str, Row], plain: str, mitigated: str) -> str:
    def mean(keys: Iterable[str], name: str, field: str, other: str, shift: float = 0.0) -> float:
        chosen = [rows[key] for key in keys]
        quotients = [(r[name][field] + shift) / (r[other][field] + shift) for r in chosen]
        return math.exp(sum(map(math.log, quotients)) / len(quotients))

    def pair(keys: list[str], other: str = BASELINE) -> str:
        raw = mean(keys, plain, "raw", other)
        return f"{raw:.2f} / {mean(keys, mitigated, 'undone', other):.2f}"

    every = list(rows)
    families = [pair([key for key in rows if key.split()[1] == family]) for family in FAMILIES]
    rest = [key for key in rows if key.split()[1] != "full"]
    sizes = sorted({int(key.split()[2].partition("x")[0]) for key in rows})
    cells = [
        f"`fake_{device}`",
        f"{len(rows)}, n = {', '.join(map(str, sizes))}",
        f"{mean(every, plain, 'pairs', BASELINE, 1.0):.2f}",
        *families,
        f"**{pair(every)}**",
        pair(rest),
        pair(every, DEFAULT),
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(sys.argv[1:])
