"""Orthogonal matrices of circuits as sweeps over real columns, and what those cost."""

from __future__ import annotations

from functools import lru_cache

from qcompile.executors.costing import Workload, seconds
from qcompile.executors.sweeps.count import Counter
from qcompile.executors.sweeps.count_state import State
from qcompile.executors.sweeps.program import Sweep, sweeps_of_primitives
from qcompile.ir.circuit import Gate
from qcompile.ir.decompose import to_cx_and_cz
from qcompile.ir.orthogonal import GateBlock, Orthogonal, OrthogonalFrame, is_idle, transposed
from qcompile.ir.primitives import Primitive, decompose, decompose_all, primitive_is_real
from qcompile.ir.work import Part, Work


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


@lru_cache(maxsize=128)
def columns_work(orthogonal: Orthogonal, *, adjoint: bool, grad: bool) -> Work:
    """Forward work on columns of U, or of Uᵀ where `adjoint`, which takes them as they come first.

    `each` is for one column, `once` for the tables.

    Args:
        orthogonal: The gates.
        adjoint: The transpose.
        grad: A gradient flows back to the columns; none does to those of the identity.
    """
    total = Work()
    total.write(orthogonal.size, batched=True)
    for block in (transposed(orthogonal) if adjoint else orthogonal).blocks:
        counter = Counter(block.qubits)
        sweeps = block_sweeps(block)
        counter.tables.collect(sweeps)
        counter.tables.count()
        size = 2**block.qubits
        part = size < orthogonal.size
        memory = orthogonal.size if part else 0
        state = State(parts=1, dimension=size, batched=True, grad=grad, memory=memory)
        grad = counter.sweeps(sweeps, state).grad
        total.include(counter.work)
        if part:
            # The other coordinates are put beside the block again.
            total.write(orthogonal.size, batched=True)
    if is_idle(orthogonal) and orthogonal.angle_count:
        # Zero times the angles is added.
        total.elementwise(1, flops=orthogonal.angle_count, batched=False)
        total.elementwise(1, batched=False)
        total.elementwise(orthogonal.size, batched=True)
    return total


def frame_work(frame: OrthogonalFrame) -> Part:
    """Forward work of all columns of a frame, once a call."""
    return columns_work(frame.orthogonal, adjoint=frame.adjoint, grad=False).of(frame.columns)


def columns_seconds(
    orthogonal: Orthogonal, columns: int, load: Workload, *, adjoint: bool
) -> float:
    """Forward and backward, of all gates on so many columns."""
    columns_load = Workload(tokens=columns, item_bytes=load.item_bytes, machine=load.machine)
    return seconds(columns_work(orthogonal, adjoint=adjoint, grad=True), columns_load)
