"""Hypothesis strategy: orthogonal matrices made of random real gates."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.gates import GATE_NAMES, GATES
from qcompile.ir.orthogonal import GateBlock, Orthogonal, block_places

REAL_GATES = tuple(name for name in GATE_NAMES if GATES[name].real)


@st.composite
def small_orthogonals(draw: st.DrawFn, size: int, *, max_gates: int = 8) -> Orthogonal:
    """A matrix of a size from 2; every trainable angle is used by some gate."""
    blocks: list[GateBlock] = []
    used = 0
    for offset, qubits in block_places(size):
        names = [name for name in REAL_GATES if GATES[name].qubits <= qubits]
        gates: list[Gate] = []
        for _ in range(draw(st.integers(0, max_gates))):
            name = draw(st.sampled_from(names))
            wires = tuple(draw(st.permutations(range(qubits)))[: GATES[name].qubits])
            angles: tuple[Affine, ...] = ()
            if GATES[name].angles:
                constant = draw(st.sampled_from((0.0, 0.3, -1.2, math.pi)))
                terms: tuple[tuple[int, float], ...] = ()
                if draw(st.booleans()):
                    index = draw(st.integers(0, used))
                    used = max(used, index + 1)
                    terms = ((index, draw(st.sampled_from((-1.0, 0.5, 1.0)))),)
                angles = (Affine(constant=constant, angles=terms),)
            gates.append(Gate(name=name, qubits=wires, angles=angles))
        blocks.append(GateBlock(offset=offset, qubits=qubits, gates=tuple(gates)))
    return Orthogonal(size=size, blocks=tuple(blocks), angle_count=used)
