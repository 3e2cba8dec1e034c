"""What the gates of orthogonal matrices cost: see `circuit_cost` for the counts of a sweep."""

from __future__ import annotations

from qcompile.ir.orthogonal import Orthogonal
from qcompile.passes.circuit_cost import SweepCost, Workload, sweep_cost


def column_flops(orthogonal: Orthogonal) -> float:
    """Forward, of all gates on one column."""
    return sum(cost.products + cost.elementwise for cost in _sweeps(orthogonal))


def column_elements(orthogonal: Orthogonal) -> int:
    """Saved for backward by all gates on one column."""
    return orthogonal.size * sum(cost.sweeps for cost in _sweeps(orthogonal))


def gates_seconds(orthogonal: Orthogonal, columns: int, load: Workload) -> float:
    """Forward and backward, of all gates on so many columns."""
    costs = _sweeps(orthogonal)
    moved = 2.0 * column_elements(orthogonal)
    return load.machine.seconds(
        flops=3.0 * columns * sum(cost.products for cost in costs),
        elementwise=3.0 * columns * sum(cost.elementwise for cost in costs),
        bytes=3.0 * load.item_bytes * columns * moved,
        operations=sum(cost.sweeps for cost in costs),
    )


def _sweeps(orthogonal: Orthogonal) -> tuple[SweepCost, ...]:
    return tuple(sweep_cost(block.gates, 2**block.qubits, real=True) for block in orthogonal.blocks)
