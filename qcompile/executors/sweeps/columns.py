"""Orthogonal matrices of circuits as sweeps over real columns, and what those cost."""

from __future__ import annotations

from functools import lru_cache

from qcompile.executors.costing import Workload, seconds
from qcompile.executors.sweeps.count import Counter, State
from qcompile.executors.sweeps.program import Sweep, sweeps_of_primitives
from qcompile.ir.circuit import Gate
from qcompile.ir.decompose import to_cx_and_cz
from qcompile.ir.orthogonal import GateBlock, Orthogonal
from qcompile.ir.primitives import Primitive, decompose, decompose_all, primitive_is_real
from qcompile.ir.work import Work


def block_sweeps(block: GateBlock) -> tuple[Sweep, ...]:
    """The gates of one block on columns (1, 1, 2^n, B).

    No sweep has complex entries: a controlled rotation becomes rotations between signs.
    """
    return sweeps_of_primitives([p for gate in block.gates for p in _real_primitives(gate)])


def _real_primitives(gate: Gate) -> tuple[Primitive, ...]:
    found = decompose(gate, real=True)
    if all(map(primitive_is_real, found)):
        return found
    return tuple(decompose_all(to_cx_and_cz(gate), real=True))


@lru_cache(maxsize=64)
def columns_work(orthogonal: Orthogonal) -> Work:
    """Forward; `each` is for one column, `once` for the tables."""
    total = Work()
    for block in orthogonal.blocks:
        counter = Counter(block.qubits)
        sweeps = block_sweeps(block)
        counter.collect(sweeps)
        counter.tables()
        size = 2**block.qubits
        counter.sweeps(sweeps, State(parts=1, dimension=size, batched=True, grad=True))
        total.include(counter.work)
        if size < orthogonal.size:
            # The other coordinates are put beside the block again.
            total.add(written=orthogonal.size, batched=True)
    return total


def columns_seconds(orthogonal: Orthogonal, columns: int, load: Workload) -> float:
    """Forward and backward, of all gates on so many columns."""
    columns_load = Workload(tokens=columns, item_bytes=load.item_bytes, machine=load.machine)
    return seconds(columns_work(orthogonal), columns_load)
