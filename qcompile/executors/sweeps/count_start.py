"""Work of the state that a sweep program starts with, as `start` makes it."""

from __future__ import annotations

from qcompile.executors.sweeps.count_angles import mixed_angles
from qcompile.executors.sweeps.count_state import State, dimension_of
from qcompile.executors.sweeps.program import (
    AmplitudeStart,
    ProductStart,
    SweepProgram,
    ZeroStart,
)
from qcompile.ir.circuit import Affine
from qcompile.ir.factors import IDENTITY, fixed
from qcompile.ir.work import Work


def count_start(program: SweepProgram, work: Work) -> State:
    """Adds the work of the first state, and returns that."""
    size = dimension_of(program.wires)
    match program.start:
        case ZeroStart():
            _ground(work, size)
            return State(parts=1, dimension=size, batched=False, grad=False)
        case AmplitudeStart(initial=initial):
            qubits = program.wires // 2 if program.density else program.wires
            _amplitudes(work, initial.width, dimension_of(qubits))
            if program.density:
                work.elementwise(size, batched=True)
            kept = not program.density
            return State(parts=1, dimension=size, batched=True, grad=True, kept=kept)
        case ProductStart() as product:
            _vectors(work, product)
            return State(parts=1 if product.real else 2, dimension=size, batched=True, grad=True)


def _ground(work: Work, size: int) -> None:
    work.write(1, batched=False)
    work.write(size, batched=False)


def _amplitudes(work: Work, width: int, size: int) -> None:
    if width < size:
        work.write(size, batched=True)
    # The largest, == and where, division, norm, where, division, + of a bool, what is put there.
    work.elementwise(1, flops=width, batched=True)
    for _ in range(2):
        work.elementwise(1, batched=True)
    work.elementwise(width, batched=True)
    work.elementwise(1, flops=width, batched=True)
    work.elementwise(1, batched=True)
    work.elementwise(width, batched=True)
    work.elementwise(1, batched=True)
    # 1 / ‖z‖: product, reciprocal, where.
    for _ in range(3):
        work.elementwise(1, batched=True)
    work.keep(size + 1, batched=True)


def _vectors(work: Work, start: ProductStart) -> None:
    qubits, parts = len(start.chains), 1 if start.real else 2
    length = max(len(chain) for chain in start.chains)
    pad = fixed(IDENTITY)
    padded = [(*chain, *(pad for _ in range(length - len(chain)))) for chain in start.chains]
    for place in range(length):
        factors = [chain[place] for chain in padded]
        moving = any(any(entry != 0 for entry in factor.constant) for factor in factors)
        entries = qubits * parts * (2 if place == 0 else 4)
        work.tables += 12 * qubits * parts
        mixed_angles(work, [factor.angle or Affine() for factor in factors])
        work.keep(qubits + entries, batched=True)
        work.elementwise(qubits, batched=True)
        work.elementary(qubits, batched=True)
        work.elementwise(entries, batched=True)
        work.elementary(qubits, batched=True)
        work.elementwise(entries, batched=True)
        work.elementwise(entries, batched=True)
        if moving:
            work.elementwise(entries, batched=True)
        if place > 0:
            _matrix_vector(work, qubits, parts)
    for qubit in range(1, qubits):
        size = dimension_of(qubit + 1)
        if qubit < qubits - 1:
            work.keep(parts * size, batched=True)
        if parts == 1:
            work.elementwise(size, batched=True)
            continue
        for _ in range(6):
            work.elementwise(size, batched=True)
        work.write(2 * size, batched=True)


def _matrix_vector(work: Work, qubits: int, parts: int) -> None:
    size = 4 * qubits
    work.keep(parts * size // 2, batched=True)
    if parts == 1:
        work.elementwise(size, batched=True)
        work.elementwise(size // 2, flops=size, batched=True)
        return
    for _ in range(6):
        work.elementwise(size, batched=True)
    for _ in range(2):
        work.elementwise(size // 2, flops=size, batched=True)
    work.write(size, batched=True)
