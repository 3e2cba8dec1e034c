"""Rows of the tables in docs/hardware.md, and where the best of the others loses less.

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
from benchmarks.hardware.compilers import RIVALS, our_compilers
from benchmarks.hardware.families import FAMILIES

DEFAULT, MQT = "pytket-qiskit", "mqt-"
FLOOR = 1e-4
"""What is less counts as this, so that no circuit on which next to nothing is lost decides."""
Row = dict[str, Figures]


def main(paths: Iterable[str]) -> None:
    """Of several files the later ones count."""
    found: dict[str, Row] = {}
    for path in paths:
        found.update(json.loads(Path(path).read_text("utf-8")))
    results = {key: row for key, row in found.items() if key.split()[1] in FAMILIES}
    plain, mitigated = (compiler.name for compiler in our_compilers(2))
    for device in DEVICES:
        for size in sorted({_size(key) for key in results}):
            rows = {k: r for k, r in results.items() if (k.split()[0], _size(k)) == (device, size)}
            if rows:
                print(_line(f"`fake_{device}`", rows, plain, mitigated))
    if results:
        print(_line("all", results, plain, mitigated))
    library = {key: row for key, row in found.items() if key.split()[1].startswith(MQT)}
    for key, row in library.items():
        print(_library_line(key.split()[1].removeprefix(MQT), [row], plain, mitigated))
    if library:
        print(_library_line("all", list(library.values()), plain, mitigated))
    print("\n".join(losses(results | library, plain, mitigated)))
    names = ("qiskit", "qiskit-aer", "qiskit-ibm-runtime", "pytket", "pytket-qiskit")
    print(", ".join(f"{name} {version(name)}" for name in names))


def _size(key: str) -> int:
    return int(key.split()[2].partition("x")[0])


def _mean(rows: Iterable[Row], name: str, field: str, other: str, shift: float = 0.0) -> float:
    def value(row: Row, which: str) -> float:
        return max(row[which][field] + shift, FLOOR)

    quotients = [value(row, name) / value(row, other) for row in rows]
    return math.exp(sum(map(math.log, quotients)) / len(quotients))


def _line(device: str, rows: dict[str, Row], plain: str, mitigated: str) -> str:
    def pair(chosen: list[Row], other: str = BASELINE) -> str:
        if not chosen:
            return "–"
        raw = _mean(chosen, plain, "raw", other)
        return f"{raw:.2f} / {_mean(chosen, mitigated, 'undone', other):.2f}"

    every = list(rows.values())
    families = [pair([r for key, r in rows.items() if key.split()[1] == f]) for f in FAMILIES]
    sizes = sorted(set(map(_size, rows)))
    cells = [
        device,
        f"{len(rows)}, n = {', '.join(map(str, sizes))}",
        f"{_mean(every, plain, 'pairs', BASELINE, 1.0):.2f}",
        *families,
        f"**{pair(every)}**",
        pair([row for key, row in rows.items() if key.split()[1] != "full"]),
        pair(every, DEFAULT),
    ]
    return f"| {' | '.join(cells)} |"


def _library_line(name: str, rows: list[Row], plain: str, mitigated: str) -> str:
    """2q, and what is lost as read and undone, as ratios to the three others."""
    cells = [name, f"{_mean(rows, plain, 'pairs', BASELINE, 1.0):.2f}"]
    for rival in RIVALS:
        raw = _mean(rows, plain, "raw", rival.name)
        undone = _mean(rows, mitigated, "undone", rival.name)
        cells.append(f"{raw:.2f} / {undone:.2f}")
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(sys.argv[1:])
