"""Totals of several compilations as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from qcompile.report.comparison import ComparedFigures
from qcompile.report.table import quantity, table_text

COLUMNS = (
    "spec",
    "parameters",
    "angles",
    "LoRA",
    "of LoRA",
    "FLOPs/token fwd",
    "bwd",
    "per step",
    "activations/token",
    "qubits",
    "gates",
    "depth",
    "evaluator",
)


def comparison_text(rows: Sequence[ComparedFigures], *, tokens: int) -> str:
    """One line for each compilation."""
    lines = [COLUMNS, *(_row(row) for row in rows)]
    ranks = sorted({row.lora_rank for row in rows})
    rank = f"rank {ranks[0]}" if len(ranks) == 1 else "the adapter's own rank"
    notes = [
        f"LoRA of {rank} on the same modules",
        "qubits, gates and depth are those of the largest circuit",
        f"costs weighed for {tokens:,} tokens a step",
    ]
    return "\n".join([table_text(lines, left=(0, len(COLUMNS) - 1)), *notes]) + "\n"


def _row(row: ComparedFigures) -> tuple[str, ...]:
    quantum = row.qubits > 0
    return (
        f"{row.file} (control)" if row.control else row.file,
        f"{row.parameters:,}",
        f"{row.quantum_parameters:,}",
        f"{row.lora_parameters:,}",
        f"{100 * row.share_of_lora:.1f} %",
        quantity(row.forward_flops_per_token),
        quantity(row.backward_flops_per_token),
        quantity(row.flops_per_step),
        quantity(row.activation_bytes_per_token, "B"),
        f"{row.qubits}" if quantum else "",
        f"{row.gates:,}" if quantum else "",
        f"{row.depth:,}" if quantum else "",
        ", ".join(row.evaluators),
    )
