"""Writes mqt.json: circuits of MQT Bench (arXiv:2204.13719) with the qubits that they measure.

    python -m venv .venv-peers/mqt_bench
    .venv-peers/mqt_bench/bin/pip install --requirement benchmarks/hardware/mqt_bench.txt
    .venv-peers/mqt_bench/bin/python benchmarks/hardware/mqt_circuits.py

Needs that environment and nothing of qcompile. Composite gates are taken apart; the gates of the
circuits stay as MQT Bench made them, unoptimised, so that all compilers start from the same.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mqt.bench import get_benchmark_indep
from qiskit import transpile

CIRCUITS = (
    ("ae", 5),
    ("bv", 6),
    ("dj", 6),
    ("ghz", 8),
    ("graphstate", 8),
    ("grover", 4),
    ("qft", 5),
    ("qftentangled", 6),
    ("qnn", 5),
    ("qpeexact", 5),
    ("qpeinexact", 6),
    ("vqe_real_amp", 6),
    ("vqe_su2", 6),
    ("vqe_two_local", 5),
    ("wstate", 8),
)
BASIS = ["h", "x", "y", "z", "s", "sdg", "t", "tdg", "sx", "rx", "ry", "rz", "cx", "cz", "swap"]


def main() -> None:
    found = {f"{name} {size}": written(name, size) for name, size in CIRCUITS}
    lines = [f" {json.dumps(name)}: {json.dumps(entry)}" for name, entry in found.items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    Path(__file__).with_name("mqt.json").write_text(text, "utf-8")


def written(name: str, size: int) -> dict[str, Any]:
    """Gates as [name, qubits, angles], and what is measured, in the order of the bits."""
    whole = get_benchmark_indep(name, size)
    circuit = transpile(whole, basis_gates=BASIS, optimization_level=0)
    gates, measured = [], {}
    for item in circuit.data:
        qubits = [circuit.find_bit(qubit).index for qubit in item.qubits]
        match item.operation.name:
            case "barrier":
                pass
            case "measure":
                measured[circuit.find_bit(item.clbits[0]).index] = qubits[0]
            case gate:
                if not set(measured.values()).isdisjoint(qubits):
                    raise ValueError(f"{name} goes on after a measurement")
                gates.append([gate, qubits, [round(float(p), 12) for p in item.operation.params]])
    return {
        "qubits": circuit.num_qubits,
        "gates": gates,
        "measured": [measured[bit] for bit in sorted(measured)],
    }


if __name__ == "__main__":
    main()
